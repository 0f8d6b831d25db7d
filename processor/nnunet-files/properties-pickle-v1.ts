import type { InferencePlan, LabelDefinition } from "../contract/manifest.js";
import { permute, reversed, type Zyx } from "../imaging/volume/axes.js";
import {
  type Entries,
  float,
  integer,
  list,
  none,
  numpyArray,
  orderedDict,
  pickleFile,
  text,
  tuple,
} from "./pickle-bytes.js";
import type { PreprocessHistory } from "./preprocess-history.js";

export interface PropertiesV1Options {
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
  readonly labels: Pick<LabelDefinition, "regionsClassOrder">;
  /** The size of the network's grid, in transposed axes. */
  readonly networkSizeZyx: Zyx;
  readonly channelFiles: readonly string[];
  /** Entries of training, which follow; none when absent. */
  readonly further?: Entries;
}

/**
 * Returns the `<case>.pkl` that nnU-Net v1 writes next to `<case>.npz` and that `nnUNet_ensemble` reads. `classes` is
 * omitted, because only training reads it.
 */
export function propertiesPickleV1(options: PropertiesV1Options): Uint8Array {
  const { history, plan, labels, networkSizeZyx, channelFiles } = options;
  const { sizeZyx, spacingMmZyx, originMmXyz, directionXyz } = history.originalGeometry;
  const { regionsClassOrder } = labels;
  const floats = (values: readonly number[]) => tuple(values.map(float));
  const integers = (values: readonly number[]) => tuple(values.map(integer));
  const untransposed = <T>(values: Zyx<T>): Zyx<T> => permute(values, plan.transposeBackward);
  return pickleFile(
    orderedDict([
      ["original_size_of_raw_data", numpyArray(sizeZyx, { shape: [3], type: "i8" })],
      ["original_spacing", numpyArray(spacingMmZyx, { shape: [3], type: "f8" })],
      ["list_of_data_files", list(channelFiles.map(text))],
      ["seg_file", none],
      ["itk_origin", floats(originMmXyz)],
      ["itk_spacing", floats(reversed(spacingMmZyx))],
      ["itk_direction", floats(directionXyz)],
      [
        "crop_bbox",
        list(untransposed(history.cropBoxZyx).map(([from, to]) => list([integer(from), integer(to)]))),
      ],
      ["size_after_cropping", integers(untransposed(history.sizeAfterCroppingZyx))],
      ["size_after_resampling", integers(networkSizeZyx)],
      ["spacing_after_resampling", numpyArray(history.networkSpacingMmZyx, { shape: [3], type: "f8" })],
      ...(regionsClassOrder === null ? [] : [["regions_class_order", integers(regionsClassOrder)] as const]),
      ...(options.further ?? []),
    ]),
  );
}
