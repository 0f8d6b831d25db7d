import { readFile, stat } from "node:fs/promises";
import { reversed, type Zyx } from "../../../processor/imaging/volume/axes.js";
import {
  type Direction,
  type Geometry,
  identityDirection,
  spacingOf,
} from "../../../processor/imaging/volume/geometry.js";
import { turnGeometry, turnTo } from "../../../processor/imaging/volume/reorient.js";
import { Field } from "../../checkpoint/fields.js";
import { numpyGlobals } from "../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../checkpoint/pickle/read-pickle.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { sizeBeforeTurn } from "./turned-grid.js";

/** More voxels than any image has, and as many as an array can hold. */
const mostVoxels = 2 ** 32;

/** The properties of a case without class locations have a few hundred bytes. */
const maxBytes = 64 * 2 ** 20;

/**
 * Returns where the image of a case is in space, from the `<case>.pkl` that nnU-Net v2 saves with probabilities. What the
 * file says depends on the reader of the data set.
 *
 * @param sizeZyx the size of the probabilities; a "WithReorient" reader has turned their grid
 * @throws PROBABILITIES_INVALID if the file is missing or does not say it; CHECKPOINT_UNSAFE
 */
export async function geometryOfProperties(file: string, sizeZyx: Zyx): Promise<Geometry> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw nnunetError("PROBABILITIES_INVALID", `${file} does not exist, or is not a file of nnU-Net`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const properties = new Field(readPickle(await readFile(file), { source: file, globals }).value, file);
  return requirePossible(geometryIn(properties, { file, sizeZyx }), file);
}

/**
 * Returns a geometry that an image can have.
 *
 * @throws PROBABILITIES_INVALID
 */
export function requirePossible(geometry: Geometry, file: string): Geometry {
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = geometry;
  const isPossible =
    sizeZyx.every((size) => Number.isSafeInteger(size) && size > 0) &&
    sizeZyx.reduce((product, size) => product * size, 1) <= mostVoxels &&
    spacingMmZyx.every((mm) => Number.isFinite(mm) && mm > 0) &&
    [...originMmXyz, ...directionXyz].every(Number.isFinite);
  if (isPossible) return geometry;
  throw nnunetError(
    "PROBABILITIES_INVALID",
    `${file} says that the image has ${sizeZyx.join(" × ")} voxels of ${spacingMmZyx.join(" × ")} mm (z × y × x), its origin at ${originMmXyz.join(", ")}, and the direction ${directionXyz.join(", ")}, which no image can have`,
  );
}

function geometryIn(
  properties: Field,
  { file, sizeZyx }: { readonly file: string; readonly sizeZyx: Zyx },
): Geometry {
  const itk = properties.get("sitk_stuff");
  if (!itk.isNull) return geometryOfItk(itk, sizeZyx);
  const nibabel = properties.get("nibabel_stuff");
  if (!nibabel.isNull) return geometryOfNibabel(nibabel, sizeZyx);
  const spacing = properties.get("spacing");
  if (spacing.isNull)
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${file} does not say where the case is in space, and there is no segmentation next to it`,
    );
  const [z = 1, y = 1, x = 1] = spacing.numbers();
  return {
    sizeZyx,
    spacingMmZyx: [z, y, x],
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    // NaturalImage2DIO says 999, so that nnU-Net treats each image as one slice.
    dimensions: sizeZyx[0] === 1 && z === 999 ? 2 : 3,
  };
}

function geometryOfItk(itk: Field, sizeZyx: Zyx): Geometry {
  const spacingMmXyz = itk.get("spacing").numbers();
  const [x = 0, y = 0, z = 0] = itk.get("origin").numbers();
  const direction = itk.get("direction").numbers();
  const isFlat = spacingMmXyz.length === 2;
  const [a = 1, b = 0, c = 0, d = 1] = direction;
  const geometry: Geometry = {
    sizeZyx,
    spacingMmZyx: spacingOf(spacingMmXyz, isFlat ? 2 : 3),
    originMmXyz: [x, y, z],
    directionXyz: isFlat ? [a, b, 0, c, d, 0, 0, 0, 1] : directionOf(direction, itk),
    dimensions: isFlat ? 2 : 3,
  };
  const orientation = itk.get("original_orientation");
  return orientation.isString ? turnGeometry(geometry, turnTo(geometry, orientation.string())) : geometry;
}

/** nibabel's matrix is that of the image before its reader turned it, in RAS. */
function geometryOfNibabel(nibabel: Field, sizeZyx: Zyx): Geometry {
  const affine = nibabel.get("original_affine");
  const [x = [], y = [], z = []] = affine.list().map((row) => row.numbers());
  const lps = [x.map((value) => -value || 0), y.map((value) => -value || 0), z];
  const spacingMmXyz = [0, 1, 2].map((axis) => Math.hypot(...lps.map((row) => row[axis] ?? Number.NaN)));
  const direction = lps.flatMap((row) => spacingMmXyz.map((spacing, axis) => row[axis]! / spacing));
  if (!direction.every(Number.isFinite))
    throw nnunetError("PROBABILITIES_INVALID", `${affine.path} is not a matrix from voxels to millimetres`);
  const [dx = 1, dy = 1, dz = 1] = spacingMmXyz;
  const geometry: Geometry = {
    sizeZyx,
    spacingMmZyx: reversed([dx, dy, dz]),
    originMmXyz: [lps[0]![3] ?? 0, lps[1]![3] ?? 0, z[3] ?? 0],
    directionXyz: directionOf(direction, affine),
    dimensions: 3,
  };
  const isTurned = !nibabel.get("reoriented_affine").isNull;
  return isTurned ? { ...geometry, sizeZyx: sizeBeforeTurn(sizeZyx, geometry) } : geometry;
}

export function directionOf(values: readonly number[], itk: Field): Direction {
  const [a, b, c, d, e, f, g, h, i] = values;
  if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined)
    throw nnunetError("PROBABILITIES_INVALID", `${itk.path}.direction has ${values.length} numbers, not 9`);
  if (f === undefined || g === undefined || h === undefined || i === undefined)
    throw nnunetError("PROBABILITIES_INVALID", `${itk.path}.direction has ${values.length} numbers, not 9`);
  return [a, b, c, d, e, f, g, h, i];
}
