import type { DicomSettings } from "../../contract/dicom-settings.js";
import { voxelCount } from "../volume/axes.js";
import type { DecodePool } from "./decode-pool.js";
import { stringOf, uint16Of } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { Fragment } from "./fragments.js";
import { frameParts } from "./frame-parts.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import { decodeSlices, type SliceBatch, type SliceTask } from "./pixels/decode-slice.js";
import type { DicomFile } from "./read-dicom-file.js";
import type { SliceStack } from "./slice-geometry.js";
import { tags } from "./tags.js";

/** Uncompressed pixels of at most so many bytes are read sooner than a worker starts. */
const smallBytes = 16 << 20;
/** Uncompressed slices are given to a worker together, up to so many bytes of voxels. */
const batchBytes = 8 << 20;

export interface DecodeOptions {
  readonly options: DicomSettings;
  readonly pool: DecodePool;
  readonly signal: AbortSignal;
}

/** What is decoded: images of one size. */
export type DecodedFrames = Pick<SliceStack, "frames"> & {
  readonly geometry: Pick<SliceStack["geometry"], "sizeZyx">;
};

/**
 * Decodes all slices straight into one volume. Compressed pixels and large volumes are decoded in worker threads.
 *
 * @throws DICOM_BROKEN_FILE
 */
export async function decodeStack(
  stack: DecodedFrames,
  { options, pool, signal }: DecodeOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const { frames, geometry } = stack;
  const [slices, rows, columns] = geometry.sizeZyx;
  const voxels = new Float32Array(new SharedArrayBuffer(voxelCount(geometry.sizeZyx) * 4));
  const tasks = await tasksOf(stack, voxels, options);
  const isPlain = frames.every(({ file }) => file.syntax.codec === "none");
  const together = isPlain ? Math.max(1, Math.floor(batchBytes / (rows * columns * 4))) : 1;
  const decode =
    isPlain && voxels.byteLength <= smallBytes ? decodeSlices : (batch: SliceBatch) => pool.decode(batch);
  let next = 0;
  const run = async (): Promise<void> => {
    while (next < slices) {
      signal.throwIfAborted();
      const from = next;
      next += together;
      const problem = await decode(tasks.slice(from, next));
      if (problem === null) continue;
      // No other slice is begun after the first problem.
      next = slices;
      throw dicomError(
        "DICOM_BROKEN_FILE",
        `${frameName(frames[from + problem.slice]!)}: ${problem.message}`,
      );
    }
  };
  await Promise.all(Array.from({ length: pool.size }, run));
  return voxels;
}

async function tasksOf(
  { frames, geometry: { sizeZyx } }: DecodedFrames,
  voxels: Float32Array<SharedArrayBuffer>,
  options: DicomSettings,
): Promise<readonly SliceTask[]> {
  const sliceVoxels = sizeZyx[1] * sizeZyx[2];
  const parts = new Map<DicomFile, readonly (readonly Fragment[])[]>();
  const tasks: SliceTask[] = [];
  for (const [z, frame] of frames.entries()) {
    const known = parts.get(frame.file) ?? (await frameParts(frame.file));
    parts.set(frame.file, known);
    tasks.push({
      ...describeFrame(frame, options),
      parts: known[(frame.frameNumber ?? 1) - 1]!,
      values: voxels.subarray(z * sliceVoxels, (z + 1) * sliceVoxels),
    });
  }
  return tasks;
}

function describeFrame(
  { file, kind, rescale, rows, columns }: ImageFrame,
  { monochrome1 }: DicomSettings,
): Omit<SliceTask, "parts" | "values"> {
  const { path, dataSet, syntax, deflated, pixels } = file;
  const bitsAllocated = uint16Of(dataSet, tags.BitsAllocated)!;
  const bitsStored = uint16Of(dataSet, tags.BitsStored) ?? bitsAllocated;
  const isShownInverted = isMonochrome1(file);
  return {
    path,
    codec: syntax.codec!,
    deflated,
    swap: syntax.isBigEndian ? swapOf(bitsAllocated, pixels!.vr) : 1,
    rows,
    columns,
    bitsAllocated,
    bitsStored,
    highBit: uint16Of(dataSet, tags.HighBit) ?? bitsStored - 1,
    isSigned: uint16Of(dataSet, tags.PixelRepresentation) === 1,
    // For CT, MR and PET the attribute is about display only (PS3.3, C.7.6.3.1.2).
    isInverted: isShownInverted && (kind === "projection" || monochrome1 === "invert"),
    ...rescale,
  };
}

export const isMonochrome1 = ({ dataSet }: DicomFile): boolean =>
  stringOf(dataSet, tags.PhotometricInterpretation) === "MONOCHROME1";

/** In big endian, 8-bit pixels are in words if their VR is OW, and in bytes if it is OB. */
function swapOf(bitsAllocated: number, vr: string): SliceTask["swap"] {
  if (bitsAllocated === 32) return 4;
  return bitsAllocated === 16 || vr === "OW" ? 2 : 1;
}
