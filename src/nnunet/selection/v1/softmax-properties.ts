import { readFile, stat } from "node:fs/promises";
import { reversed, type Zyx } from "../../../../processor/imaging/volume/axes.js";
import type { Geometry } from "../../../../processor/imaging/volume/geometry.js";
import { Field } from "../../../checkpoint/fields.js";
import { numpyGlobals } from "../../../checkpoint/pickle/numpy-globals.js";
import { pythonGlobals } from "../../../checkpoint/pickle/python-globals.js";
import { readPickle } from "../../../checkpoint/pickle/read-pickle.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { directionOf, requirePossible } from "../case-properties.js";

/** Where the probabilities of a case of nnU-Net v1 are in space. */
export interface SoftmaxProperties {
  readonly geometry: Geometry;
  readonly croppedSizeZyx: Zyx;
  /** Where the cropped part begins; null if v1 did not crop. */
  readonly cropStartZyx: Zyx | null;
  /** Null if the channel's number is the label. */
  readonly regionsClassOrder: readonly number[] | null;
}

/** Training adds the places of up to 10,000 voxels of each class. */
const maxBytes = 2 ** 30;

/**
 * Reads the `<case>.pkl` that nnU-Net v1 saves with probabilities.
 *
 * @throws PROBABILITIES_INVALID if the file is missing; MODEL_FILE_INVALID, CHECKPOINT_UNSAFE
 */
export async function readSoftmaxProperties(file: string): Promise<SoftmaxProperties> {
  const found = await stat(file).catch(() => null);
  if (found?.isFile() !== true || found.size > maxBytes)
    throw nnunetError("PROBABILITIES_INVALID", `${file} does not exist, or is not a file of nnU-Net`);
  const globals = new Map([...pythonGlobals, ...numpyGlobals]);
  const properties = new Field(readPickle(await readFile(file), { source: file, globals }).value, file);
  const box = properties.get("crop_bbox");
  const order = properties.get("regions_class_order");
  return {
    geometry: requirePossible(
      {
        sizeZyx: threeOf(properties.get("original_size_of_raw_data")),
        spacingMmZyx: reversed(threeOf(properties.get("itk_spacing"))),
        originMmXyz: threeOf(properties.get("itk_origin")),
        directionXyz: directionOf(properties.get("itk_direction").numbers(), properties),
        dimensions: 3,
      },
      file,
    ),
    croppedSizeZyx: threeOf(properties.get("size_after_cropping")),
    cropStartZyx: box.isNull
      ? null
      : three(
          box.list().map((range) => range.integers()[0] ?? 0),
          box.path,
        ),
    regionsClassOrder: order.isNull ? null : order.integers(),
  };
}

const threeOf = (field: Field): Zyx => three(field.numbers(), field.path);

function three(values: readonly number[], path: string): Zyx {
  const [a, b, c, ...more] = values;
  if (a === undefined || b === undefined || c === undefined || more.length > 0)
    throw nnunetError("PROBABILITIES_INVALID", `${path} has ${values.length} numbers, not 3`);
  return [a, b, c];
}
