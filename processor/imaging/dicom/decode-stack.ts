import { setImmediate as nextTurn } from "node:timers/promises";
import type { DicomSettings } from "../../contract/dicom-settings.js";
import { voxelCount } from "../volume/axes.js";
import type { DecodePool } from "./decode-pool.js";
import type { DicomVoxels } from "./dicom-series.js";
import { stringOf, uint16Of } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { Fragment } from "./fragments.js";
import { frameParts } from "./frame-parts.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import { decodeSlices, type SliceBatch, type SliceProblem, type SliceTask } from "./pixels/decode-slice.js";
import { fitsInt16, type ValueRule } from "./pixels/value-rule.js";
import type { DicomFile } from "./read-dicom-file.js";
import type { SliceStack } from "./slice-geometry.js";
import { tags } from "./tags.js";

/** Uncompressed pixels of at most this many bytes are read before a worker could start. */
const smallBytes = 16 << 20;
/** Uncompressed slices are given to a worker together, up to this many bytes of voxels. */
const batchBytes = 8 << 20;
/** This thread decodes fewer at a time, because workers and others may wait for it. */
const ownBatchBytes = 2 << 20;

export interface DecodeOptions<Voxels extends DicomVoxels = Float32Array<SharedArrayBuffer>> {
  readonly options: DicomSettings;
  readonly pool: DecodePool;
  readonly signal: AbortSignal;
  readonly newVoxels: NewVoxels<Voxels>;
}

/** Returns an array for the values of slices that follow the rules. */
export type NewVoxels<Voxels extends DicomVoxels> = (length: number, rules: readonly ValueRule[]) => Voxels;

export const newFloats: NewVoxels<Float32Array<SharedArrayBuffer>> = (length) =>
  new Float32Array(new SharedArrayBuffer(length * 4));

export const newVoxelsAsStored: NewVoxels<DicomVoxels> = (length, rules) =>
  rules.every(fitsInt16) ? new Int16Array(new SharedArrayBuffer(length * 2)) : newFloats(length, rules);

/** What is decoded: images of one size. */
export type DecodedFrames = Pick<SliceStack, "frames"> & {
  readonly geometry: Pick<SliceStack["geometry"], "sizeZyx">;
};

/**
 * Decodes all slices straight into one volume. Compressed pixels and large volumes are decoded in worker threads; with
 * uncompressed pixels, this thread takes the place of one of them.
 *
 * @throws DICOM_BROKEN_FILE
 */
export async function decodeStack<Voxels extends DicomVoxels>(
  stack: DecodedFrames,
  { options, pool, signal, newVoxels }: DecodeOptions<Voxels>,
): Promise<Voxels> {
  const { frames, geometry } = stack;
  const [slices, rows, columns] = geometry.sizeZyx;
  const rules = frames.map((frame) => describeFrame(frame, options));
  const voxels = newVoxels(voxelCount(geometry.sizeZyx), rules);
  const tasks = await tasksOf(stack, voxels, rules);
  const isUncompressed = frames.every(({ file }) => file.syntax.codec === "none");
  const slicesOf = (bytes: number): number =>
    Math.max(1, Math.floor(bytes / (rows * columns * voxels.BYTES_PER_ELEMENT)));
  let next = 0;
  const run = async (decode: Decode, together: number): Promise<void> => {
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
  const isSmall = isUncompressed && voxels.byteLength <= smallBytes;
  const isHelping = isUncompressed && frames.every(({ file }) => file.deflated === null);
  // Without the help of this thread, one more than there are workers, so that none of them waits for the next.
  const count = isSmall ? 0 : isHelping ? pool.workers - 1 : pool.workers + 1;
  const together = isUncompressed ? slicesOf(batchBytes) : 1;
  const lanes = Array.from({ length: count }, () => run(pool.decode, together));
  if (isSmall) lanes.push(run(decodeSlices, together));
  else if (isHelping) lanes.push(run(decodeHere, slicesOf(ownBatchBytes)));
  await Promise.all(lanes);
  return voxels;
}

type Decode = (batch: SliceBatch) => Promise<SliceProblem | null>;

/** Decodes slices in this thread, after it answered its workers. */
async function decodeHere(batch: SliceBatch): Promise<SliceProblem | null> {
  await nextTurn();
  return decodeSlices(batch);
}

async function tasksOf(
  { frames, geometry: { sizeZyx } }: DecodedFrames,
  voxels: DicomVoxels,
  rules: readonly FrameRule[],
): Promise<readonly SliceTask[]> {
  const sliceVoxels = sizeZyx[1] * sizeZyx[2];
  const parts = new Map<DicomFile, readonly (readonly Fragment[])[]>();
  const tasks: SliceTask[] = [];
  for (const [z, frame] of frames.entries()) {
    const known = parts.get(frame.file) ?? (await frameParts(frame.file));
    parts.set(frame.file, known);
    tasks.push({
      ...rules[z]!,
      parts: known[(frame.frameNumber ?? 1) - 1]!,
      values: voxels.subarray(z * sliceVoxels, (z + 1) * sliceVoxels),
    });
  }
  return tasks;
}

type FrameRule = Omit<SliceTask, "parts" | "values">;

function describeFrame(
  { file, kind, rescale, rows, columns }: ImageFrame,
  { monochrome1 }: DicomSettings,
): FrameRule {
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
