import { stat } from "node:fs/promises";
import { sharedError } from "../../contract/shared-errors.js";
import type { Xyz } from "../../imaging/volume/axes.js";
import { type ClassCandidates, type ImageFile, imageFile, type Refinement } from "./case.js";
import { findSegmentation } from "./find-segmentation.js";

/** What is kept of the networks' answer, for any number of cases. */
export interface RefinementWishes {
  readonly candidates: ClassCandidates | null;
  readonly smallestObject: number | null;
  readonly reference: { readonly path: string; readonly minIntersection: number } | null;
  readonly crop: { readonly path: string; readonly marginXyz: Xyz } | null;
}

export const keepsEverything: RefinementWishes = {
  candidates: null,
  smallestObject: null,
  reference: null,
  crop: null,
};

/**
 * Returns what is kept of one case. A mask is a file, or a folder that holds a mask with the name of each case.
 *
 * @throws INPUT_NOT_FOUND if there is no mask
 */
export async function refinementOf(
  { candidates, smallestObject, reference, crop }: RefinementWishes,
  caseName: string,
): Promise<Refinement | null> {
  if (candidates === null && smallestObject === null && reference === null && crop === null) return null;
  return {
    candidates,
    smallestObject,
    crop: crop === null ? null : { mask: await maskOf(crop.path, caseName), marginXyz: crop.marginXyz },
    reference:
      reference === null
        ? null
        : {
            input: await maskOf(reference.path, caseName),
            minIntersection: reference.minIntersection,
          },
  };
}

/** Returns the wishes with absolute paths. */
export const withPlaces = (
  wishes: RefinementWishes,
  absolute: (path: string) => string,
): RefinementWishes => ({
  ...wishes,
  reference:
    wishes.reference === null ? null : { ...wishes.reference, path: absolute(wishes.reference.path) },
  crop: wishes.crop === null ? null : { ...wishes.crop, path: absolute(wishes.crop.path) },
});

async function maskOf(path: string, caseName: string): Promise<ImageFile> {
  const found = await stat(path).catch(() => null);
  if (found === null) throw sharedError("INPUT_NOT_FOUND", `the mask ${path} does not exist`);
  if (!found.isDirectory()) return imageFile(path);
  const inFolder = await findSegmentation(caseName, path);
  if (inFolder !== null) return inFolder;
  throw sharedError("INPUT_NOT_FOUND", `the folder of masks ${path} has none that is named ${caseName}`);
}
