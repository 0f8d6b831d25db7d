import { PNG } from "pngjs";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { imageError } from "../../../processor/imaging/errors.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { type ImageReaderName, readWith } from "../datasets/image-reader.js";
import { colouredSlice, mostColours, tellingSlice } from "./overlay.js";

/** One case to draw, in a worker thread. */
export interface PlotOverlayTask {
  readonly imageFile: string;
  readonly labelFile: string;
  readonly reader: ImageReaderName;
  /** How strong the colours are. */
  readonly intensity: number;
  readonly target: string;
}

/**
 * Writes a PNG of the slice that shows the labels best, with the labels over the image.
 *
 * @throws GEOMETRY_MISMATCH if image and labels have different sizes; IMAGE_UNSUPPORTED for more values than colours; the
 *   errors of `readImage`
 */
export async function plotOverlay(task: PlotOverlayTask): Promise<void> {
  const { imageFile, labelFile, reader, intensity, target } = task;
  const image = await readWith(reader, imageFile);
  const labelMap = await readWith(reader, labelFile);
  const [slices, rows, columns] = image.geometry.sizeZyx;
  if (labelMap.geometry.sizeZyx.join() !== image.geometry.sizeZyx.join())
    throw imageError(
      "GEOMETRY_MISMATCH",
      `${labelFile} has ${labelMap.geometry.sizeZyx.join(" × ")} voxels (z × y × x), but ${imageFile} has ${image.geometry.sizeZyx.join(" × ")}`,
    );
  const labels = float32Of(labelMap);
  const z = tellingSlice({ labels, slices });
  const [start, end] = [z * rows * columns, (z + 1) * rows * columns];
  const shown = labels.subarray(start, end);
  if (new Set(shown).size > mostColours)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${labelFile}: slice ${z} has more than ${mostColours} different labels, for which there are no colours`,
    );
  const rgb = colouredSlice({ image: float32Of(image).subarray(start, end), labels: shown, intensity });
  const png = new PNG({ width: columns, height: rows });
  for (let i = 0; i < rows * columns; i++) {
    png.data.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
    png.data[i * 4 + 3] = 255;
  }
  await writeFileWhole(target, [PNG.sync.write(png)]);
}

/** Returns the voxels of the first component. */
function float32Of({ voxels, components }: Image): Float32Array {
  const count = voxels.length / components;
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) floats[i] = Number(voxels[i]);
  return floats;
}
