import { readFile, stat } from "node:fs/promises";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import { type Direction, type Geometry, spacingOf } from "../../../processor/imaging/volume/geometry.js";
import { Field } from "../../checkpoint/fields.js";
import { numpyGlobals } from "../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../checkpoint/pickle/read-pickle.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";

/** The properties of a case without class locations have a few hundred bytes. */
const maxBytes = 64 * 2 ** 20;

/**
 * Returns where a case is in space, from the `<case>.pkl` that nnU-Net v2 saves with probabilities.
 *
 * @throws PROBABILITIES_INVALID if the file is missing or does not say it; CHECKPOINT_UNSAFE
 */
export async function geometryOfProperties(file: string, sizeZyx: Zyx): Promise<Geometry> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw nnunetError("PROBABILITIES_INVALID", `${file} does not exist, or is not a file of nnU-Net`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const properties = new Field(readPickle(await readFile(file), { source: file, globals }).value, file);
  const itk = properties.get("sitk_stuff");
  if (itk.isNull)
    throw nnunetError(
      "PROBABILITIES_INVALID",
      `${file} does not say where the case is in space, and there is no segmentation next to it`,
    );
  const spacingMmXyz = itk.get("spacing").numbers();
  const [x = 0, y = 0, z = 0] = itk.get("origin").numbers();
  const direction = itk.get("direction").numbers();
  const isFlat = spacingMmXyz.length === 2;
  const [a = 1, b = 0, c = 0, d = 1] = direction;
  return {
    sizeZyx,
    spacingMmZyx: spacingOf(spacingMmXyz, isFlat ? 2 : 3),
    originMmXyz: [x, y, z],
    directionXyz: isFlat ? [a, b, 0, c, d, 0, 0, 0, 1] : directionOf(direction, itk),
    dimensions: isFlat ? 2 : 3,
  };
}

export function directionOf(values: readonly number[], itk: Field): Direction {
  const [a, b, c, d, e, f, g, h, i] = values;
  if (a === undefined || b === undefined || c === undefined || d === undefined || e === undefined)
    throw nnunetError("PROBABILITIES_INVALID", `${itk.path}.direction has ${values.length} numbers, not 9`);
  if (f === undefined || g === undefined || h === undefined || i === undefined)
    throw nnunetError("PROBABILITIES_INVALID", `${itk.path}.direction has ${values.length} numbers, not 9`);
  return [a, b, c, d, e, f, g, h, i];
}
