import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { partialPathNextTo } from "../../files/partial-path.js";
import { outputError } from "../../files/write-file.js";
import { permute, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { AnswerFacts, OpenProbabilities } from "./output-kind.js";

/**
 * A scratch file for probabilities that arrive slice by slice with all heads, but that a file stores one head after the
 * other. Memory holds only one head at a time.
 */
export interface HeadsScratch {
  writeSlice(z: number, planes: Float32Array): Promise<void>;
  /** Reads `z × y × x` of one head, on the cropped and transposed grid. The array is the same for all heads. */
  readHead(head: number): Promise<Float32Array>;
  discard(): Promise<void>;
}

export interface HeadsScratchOptions {
  /** The path of the finished file of probabilities, for messages. */
  readonly path: string;
  readonly heads: number;
  readonly sizeZyx: PreprocessHistory["sizeAfterCroppingZyx"];
}

/**
 * Opens a file that is written after all its probabilities have arrived, under a temporary name.
 *
 * @param write receives the temporary name
 */
export async function openSpooledFile(
  path: string,
  { heads, history }: Pick<AnswerFacts, "heads" | "history">,
  write: (partial: string, scratch: HeadsScratch) => Promise<void>,
): Promise<OpenProbabilities> {
  const partial = await partialPathNextTo(path);
  const scratch = await openHeadsScratch(`${partial}.scratch`, {
    path,
    heads,
    sizeZyx: history.sizeAfterCroppingZyx,
  });
  return {
    writeSlice: (z, planes) => scratch.writeSlice(z, planes),
    async finish() {
      try {
        await write(partial, scratch);
        await rename(partial, path);
      } catch (error) {
        throw outputError(path, error);
      }
    },
    async discard() {
      await scratch.discard();
      await rm(partial, { force: true });
    },
  };
}

export async function openHeadsScratch(
  scratchPath: string,
  { path, heads, sizeZyx }: HeadsScratchOptions,
): Promise<HeadsScratch> {
  const fail = (error: unknown): never => {
    throw outputError(path, error);
  };
  const file = await open(scratchPath, "wx+").catch(fail);
  const [slices, rows, columns] = sizeZyx;
  const planeBytes = rows * columns * 4;
  const headBytes = voxelCount(sizeZyx) * 4;
  let kept: Buffer | null = null;
  return {
    async writeSlice(z, planes) {
      const bytes = new Uint8Array(planes.buffer, planes.byteOffset, planes.byteLength);
      for (let head = 0; head < heads; head++) {
        const plane = Uint8Array.from(bytes.subarray(head * planeBytes, (head + 1) * planeBytes));
        await file.write(plane, 0, planeBytes, (head * slices + z) * planeBytes).catch(fail);
      }
    },
    async readHead(head) {
      kept ??= Buffer.allocUnsafeSlow(headBytes);
      await readFully(file, kept, head * headBytes);
      return new Float32Array(kept.buffer, 0, headBytes / 4);
    },
    async discard() {
      await file.close().catch(() => {});
      await rm(scratchPath, { force: true });
    },
  };
}

async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error("the scratch file of the probabilities ended early");
    done += bytesRead;
  }
}

/** The grid of a file, and the position of the cropped image in it. */
export interface FileGrid {
  /** In the input's axes. */
  readonly sizeZyx: Zyx;
  /** In transposed axes. */
  readonly boxZyx: PreprocessHistory["cropBoxZyx"];
  readonly transposeForward: Zyx;
}

/**
 * Puts one head into the file's grid and restores the order of its axes. Outside the crop, the background has
 * probability 1.
 */
export function placedIn(
  { sizeZyx, boxZyx, transposeForward }: FileGrid,
  { cropped, outside }: { readonly cropped: Float32Array; readonly outside: number },
): Float32Array {
  const result = new Float32Array(voxelCount(sizeZyx)).fill(outside);
  const strides = [sizeZyx[1] * sizeZyx[2], sizeZyx[2], 1] as const;
  const [strideZ, strideY, strideX] = permute(strides, transposeForward);
  const [[z0, z1], [y0, y1], [x0, x1]] = boxZyx;
  let source = 0;
  for (let z = z0; z < z1; z++) {
    for (let y = y0; y < y1; y++) {
      let target = z * strideZ + y * strideY + x0 * strideX;
      for (let x = x0; x < x1; x++, target += strideX) result[target] = cropped[source++]!;
    }
  }
  return result;
}
