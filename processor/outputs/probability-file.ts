import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { outputError } from "../image-io/write-file.js";
import type { InferencePlan, LabelDefinition } from "../model/manifest.js";
import type { ProbabilitySink } from "../postprocess/export-labels.js";
import type { PreprocessHistory } from "../preprocess/prepared.js";
import { voxelCount, type Zyx } from "../volume/axes.js";
import { NpzWriter, npyHeader } from "./npz-writer.js";

export interface ProbabilityFileOptions {
  readonly heads: number;
  readonly history: PreprocessHistory;
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
}

/** A sink that ends as nnU-Net's `<case>.npz`: key `probabilities`, float32, `head × z × y × x` of the input's grid. */
export interface ProbabilityFile extends ProbabilitySink {
  finish(): Promise<void>;
  /** Removes what a failed run left; nothing once finished. */
  discard(): Promise<void>;
}

/**
 * Slices arrive with all heads, the file wants one head after the other: they are kept in a scratch file beside it, so
 * that memory holds one head at a time.
 */
export async function openProbabilityFile(
  path: string,
  options: ProbabilityFileOptions,
): Promise<ProbabilityFile> {
  const { heads, history } = options;
  const stem = join(dirname(path), `.${basename(path)}.partial-${randomBytes(4).toString("hex")}`);
  const scratchPath = `${stem}.scratch`;
  const scratch = await open(scratchPath, "wx+").catch((error: unknown) => {
    throw outputError(path, error);
  });
  const [slices, rows, columns] = history.sizeAfterCroppingZyx;
  const planeBytes = rows * columns * 4;

  async function discard(): Promise<void> {
    await scratch.close().catch(() => {});
    await rm(scratchPath, { force: true });
    await rm(stem, { force: true });
  }

  return {
    async writeSlice(z, planes) {
      const bytes = new Uint8Array(planes.buffer, planes.byteOffset, planes.byteLength);
      for (let head = 0; head < heads; head++) {
        const plane = Uint8Array.from(bytes.subarray(head * planeBytes, (head + 1) * planeBytes));
        await scratch
          .write(plane, 0, planeBytes, (head * slices + z) * planeBytes)
          .catch((error: unknown) => {
            throw outputError(path, error);
          });
      }
    },
    async finish() {
      try {
        await writeArchive(stem, scratch, options);
        await rename(stem, path);
      } catch (error) {
        throw outputError(path, error);
      }
    },
    discard,
  };
}

async function writeArchive(
  path: string,
  scratch: FileHandle,
  options: ProbabilityFileOptions,
): Promise<void> {
  const { heads, history } = options;
  const sizeZyx = history.originalGeometry.sizeZyx;
  const croppedBytes = voxelCount(history.sizeAfterCroppingZyx) * 4;
  const cropped = Buffer.allocUnsafeSlow(croppedBytes);
  const values = new Float32Array(cropped.buffer, 0, croppedBytes / 4);
  const writer = await NpzWriter.create(path);
  try {
    await writer.begin("probabilities.npy");
    await writer.write(npyHeader([heads, ...sizeZyx]));
    for (let head = 0; head < heads; head++) {
      await readFully(scratch, cropped, head * croppedBytes);
      const channel = uncropped(values, {
        ...options,
        outside: options.labels.regionsClassOrder === null && head === 0 ? 1 : 0,
      });
      await writer.write(Buffer.from(channel.buffer, channel.byteOffset, channel.byteLength));
    }
    await writer.end();
    await writer.close();
  } finally {
    await writer.abandon();
  }
}

async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error("the scratch file of the probabilities ended early");
    done += bytesRead;
  }
}

/** Puts one head into the uncropped volume and turns its axes back; outside, background has probability 1. */
function uncropped(
  cropped: Float32Array,
  { history, plan, outside }: Pick<ProbabilityFileOptions, "history" | "plan"> & { readonly outside: number },
): Float32Array {
  const sizeZyx = history.originalGeometry.sizeZyx;
  const result = new Float32Array(voxelCount(sizeZyx)).fill(outside);
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const [strideZ, strideY, strideX] = plan.transposeForward.map(
    (axis) => strides[axis as 0 | 1 | 2],
  ) as unknown as Zyx;
  const [[z0, z1], [y0, y1], [x0, x1]] = history.cropBoxZyx;
  let source = 0;
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      let target = z * strideZ + y * strideY + x0 * strideX;
      for (let x = x0; x < x1; x++, target += strideX) result[target] = cropped[source++]!;
    }
  }
  return result;
}
