import type { DicomSettings } from "../../contract/dicom-settings.js";
import { createWorkerPool, defaultWorkers, TaskTimeout } from "../threads/worker-pool.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import { stringOf, uint16Of } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { Fragment } from "./fragments.js";
import { frameParts } from "./frame-parts.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import { decodeSlice, type SliceTask } from "./pixels/decode-slice.js";
import type { DicomFile } from "./read-dicom-file.js";
import type { SliceStack } from "./slice-geometry.js";
import { tags } from "./tags.js";

type DecodeTasks = { readonly decodeSlice: { readonly task: SliceTask; readonly result: string | null } };

/** A decoder that works longer on a slice than this, and on each pixel than this, is stopped. */
const longestMs = 8000;
const longestMsPerPixel = 0.004;

/** The number of slices that wait for a worker, so that an error stops the rest soon. */
const queueLength = 16;

/** Uncompressed pixels of at most so many bytes are read sooner than a worker starts. */
const smallBytes = 16 << 20;

interface DecodeOptions {
  readonly options: DicomSettings;
  readonly signal: AbortSignal;
}

/**
 * Decodes all slices straight into one volume. Compressed pixels and large volumes are decoded in worker threads.
 *
 * @throws DICOM_BROKEN_FILE
 */
export async function decodeSlices(
  stack: SliceStack,
  { options, signal }: DecodeOptions,
): Promise<Float32Array<SharedArrayBuffer>> {
  const { frames, geometry } = stack;
  const voxels = new Float32Array(new SharedArrayBuffer(voxelCount(geometry.sizeZyx) * 4));
  const tasks = tasksOf(stack, voxels, options);
  const isSmall = frames.every(({ file }) => file.syntax.codec === "none") && voxels.byteLength <= smallBytes;
  const decoder = isSmall ? { decode: decodeSlice, close: async () => {} } : openDecoder(geometry.sizeZyx);
  try {
    const run = async (): Promise<void> => {
      for await (const { frame, task } of tasks) {
        signal.throwIfAborted();
        const problem = await decoder.decode(task);
        if (problem !== null) throw dicomError("DICOM_BROKEN_FILE", `${frameName(frame)}: ${problem}`);
      }
    };
    await Promise.all(Array.from({ length: Math.min(queueLength, frames.length) }, run));
  } finally {
    await decoder.close();
  }
  return voxels;
}

interface Decoder {
  decode(task: SliceTask): Promise<string | null>;
  close(): Promise<void>;
}

function openDecoder([slices, rows, columns]: Zyx): Decoder {
  const pool = createWorkerPool<DecodeTasks>(
    new URL("./decode-worker.js", import.meta.url),
    Math.min(slices, defaultWorkers()),
    { longestTaskMs: longestMs + rows * columns * longestMsPerPixel },
  );
  return {
    decode: (task) =>
      pool.run("decodeSlice", task).catch((error: unknown) => {
        if (error instanceof TaskTimeout) return "its pixels take too long to decode";
        throw error;
      }),
    close: () => pool.close(),
  };
}

/** Describes the slices one after the other. Several readers may take from it in turn. */
async function* tasksOf(
  { frames, geometry: { sizeZyx } }: SliceStack,
  voxels: Float32Array<SharedArrayBuffer>,
  options: DicomSettings,
): AsyncGenerator<{ readonly frame: ImageFrame; readonly task: SliceTask }> {
  const sliceVoxels = sizeZyx[1] * sizeZyx[2];
  const parts = new Map<DicomFile, readonly (readonly Fragment[])[]>();
  for (const [z, frame] of frames.entries()) {
    const known = parts.get(frame.file) ?? (await frameParts(frame.file));
    parts.set(frame.file, known);
    const values = voxels.subarray(z * sliceVoxels, (z + 1) * sliceVoxels);
    const task = { ...describeFrame(frame, options), parts: known[(frame.frameNumber ?? 1) - 1]!, values };
    yield { frame, task };
  }
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
