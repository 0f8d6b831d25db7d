import { splitImageEnding } from "../../../processor/imaging/formats/image-ending.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { byCodePoint } from "../datasets/list-cases.js";

/** The files of one case, in the order of its channels. */
export interface PictureCase {
  readonly id: string;
  readonly images: readonly string[];
  /** Null for a case without a label. */
  readonly label: string | null;
}

/** `channels`: the pictures are `<case>_0000`, `<case>_0001`, …; `cases`: a number at the end belongs to the case. */
export type PictureNames = "channels" | "cases";

const stemOf = (file: string): string => splitImageEnding(file)!.stem;

const caseOf = (file: string, names: PictureNames): string =>
  names === "cases" ? stemOf(file) : stemOf(file).replace(/(?<=.)_\d{4}$/, "");

/** Returns what a number such as that of `road_0007.png` means: the meaning with which more pictures have a label. */
export function meaningOfNumbers(images: readonly string[], labels: readonly string[]): PictureNames {
  const labelled = new Set(labels.map(stemOf));
  const found = (names: PictureNames) => images.filter((file) => labelled.has(caseOf(file, names))).length;
  return found("cases") > found("channels") ? "cases" : "channels";
}

/**
 * Groups pictures by case, sorted.
 *
 * @throws DATASET_INVALID for two pictures of one name, or a label without a picture
 */
export function pictureCases(
  images: readonly string[],
  labels: readonly string[],
  names: PictureNames,
): readonly PictureCase[] {
  const labelOf = uniqueByStem(labels);
  uniqueByStem(images);
  const files = new Map<string, string[]>();
  for (const file of images.toSorted(byCodePoint)) {
    const id = caseOf(file, names);
    files.set(id, [...(files.get(id) ?? []), file]);
  }
  const alone = [...labelOf].find(([id]) => !files.has(id));
  if (alone !== undefined) throw nnunetError("DATASET_INVALID", `the label ${alone[1]} has no picture`);
  return [...files].map(([id, channels]) => ({ id, images: channels, label: labelOf.get(id) ?? null }));
}

function uniqueByStem(files: readonly string[]): ReadonlyMap<string, string> {
  const byStem = new Map<string, string>();
  for (const file of files) {
    const other = byStem.get(stemOf(file));
    if (other !== undefined)
      throw nnunetError("DATASET_INVALID", `${other} and ${file} would get the same name`);
    byStem.set(stemOf(file), file);
  }
  return byStem;
}
