import { PNG } from "pngjs";
import { reorients } from "../../../processor/contract/reader-class.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { imageError } from "../../../processor/imaging/errors.js";
import type { Zyx } from "../../../processor/imaging/volume/axes.js";
import type { Image } from "../../../processor/imaging/volume/image.js";
import { inRas } from "../../../processor/imaging/volume/turn-image.js";
import { type ImageReaderName, readWith } from "../datasets/image-reader.js";
import { readB2nd } from "../files/blosc2/read-b2nd.js";
import { readPreprocessedNpz } from "../files/read-npz.js";
import { colouredSlice, mostColours, tellingSlice } from "./overlay.js";

/** One case to draw, in a worker thread. */
export interface PlotOverlayTask {
  readonly source: RawCase | PreprocessedCase;
  /** How strong the colours are. */
  readonly intensity: number;
  readonly target: string;
}

export interface RawCase {
  readonly kind: "raw";
  readonly imageFile: string;
  readonly labelFile: string;
  readonly reader: ImageReaderName;
}

export interface PreprocessedCase {
  readonly kind: "preprocessed";
  /** The case's files without their ending. */
  readonly path: string;
  readonly format: "b2nd" | "npz";
  readonly channel: number;
}

/** A channel and its labels on the same grid. */
interface LabelledVolume {
  readonly sizeZyx: Zyx;
  /** `z × y × x` */
  readonly image: Float32Array;
  readonly labels: Float32Array;
  /** The file of the labels. */
  readonly labelFile: string;
}

/**
 * Writes a PNG of the slice that shows the labels best, with the labels over the image.
 *
 * @throws GEOMETRY_MISMATCH if image and labels have different sizes; IMAGE_UNSUPPORTED for more values than colours; USAGE
 *   for a channel that a preprocessed case lacks; the errors of `readImage`, `readB2nd` and `readNpz`
 */
export async function plotOverlay({ source, intensity, target }: PlotOverlayTask): Promise<void> {
  const { sizeZyx, image, labels, labelFile } =
    source.kind === "raw" ? await readRaw(source) : await readPreprocessed(source);
  const [slices, rows, columns] = sizeZyx;
  const z = tellingSlice({ labels, slices });
  const [start, end] = [z * rows * columns, (z + 1) * rows * columns];
  // Preprocessed labels are −1 outside the image's non-zero region.
  const shown = labels.subarray(start, end).map((label) => (label < 0 && source.kind !== "raw" ? 0 : label));
  if (new Set(shown).size > mostColours)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${labelFile}: slice ${z} has ${new Set(shown).size} labels, but there are only ${mostColours} colours`,
    );
  const rgb = colouredSlice({ image: image.subarray(start, end), labels: shown, intensity });
  const png = new PNG({ width: columns, height: rows });
  for (let i = 0; i < rows * columns; i++) {
    png.data.set(rgb.subarray(i * 3, i * 3 + 3), i * 4);
    png.data[i * 4 + 3] = 255;
  }
  await writeFileWhole(target, [PNG.sync.write(png)]);
}

async function readRaw({ imageFile, labelFile, reader }: RawCase): Promise<LabelledVolume> {
  const asRead = async (file: string): Promise<Image> => {
    const read = await readWith(reader, file);
    return reorients(reader) ? inRas(read) : read;
  };
  const image = await asRead(imageFile);
  const labelMap = await asRead(labelFile);
  const [sizeZyx, labelSizeZyx] = [image, labelMap].map(({ geometry }) => geometry.sizeZyx) as [Zyx, Zyx];
  if (labelSizeZyx.join() !== sizeZyx.join())
    throw differentSizes([labelFile, labelSizeZyx], [imageFile, sizeZyx]);
  return { sizeZyx, image: float32Of(image), labels: float32Of(labelMap), labelFile };
}

async function readPreprocessed({ path, format, channel }: PreprocessedCase): Promise<LabelledVolume> {
  const imageFile = `${path}.${format}`;
  const labelFile = format === "b2nd" ? `${path}_seg.b2nd` : imageFile;
  const data = await (format === "b2nd" ? readB2nd(imageFile) : readPreprocessedNpz(imageFile, "data"));
  const seg = await (format === "b2nd" ? readB2nd(labelFile) : readPreprocessedNpz(imageFile, "seg"));
  const [channels = 0, ...sizes] = data.shape;
  const [, ...labelSizes] = seg.shape;
  const [slices, rows, columns] = sizes;
  if (columns === undefined || sizes.length > 3 || labelSizes.join() !== sizes.join())
    throw differentSizes([labelFile, labelSizes], [imageFile, sizes]);
  if (channel >= channels)
    throw sharedError("USAGE", `there is no channel ${channel}: ${imageFile} has 0 to ${channels - 1}`);
  const voxels = data.values.length / channels;
  return {
    sizeZyx: [slices!, rows!, columns],
    image: Float32Array.from(data.values.subarray(channel * voxels, (channel + 1) * voxels)),
    labels: Float32Array.from(seg.values.subarray(0, voxels)),
    labelFile,
  };
}

type SizedFile = readonly [file: string, sizeZyx: readonly number[]];

const differentSizes = ([labelFile, labelSizes]: SizedFile, [imageFile, sizes]: SizedFile): Error =>
  imageError(
    "GEOMETRY_MISMATCH",
    `${labelFile} has ${labelSizes.join(" × ")} voxels (z × y × x), but ${imageFile} has ${sizes.join(" × ")}`,
  );

/** Returns the voxels of the first component. */
function float32Of({ voxels, components }: Image): Float32Array {
  const count = voxels.length / components;
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) floats[i] = Number(voxels[i]);
  return floats;
}
