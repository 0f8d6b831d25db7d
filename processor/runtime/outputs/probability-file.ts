import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { partialPathNextTo } from "../../files/partial-path.js";
import { outputError } from "../../files/write-file.js";
import { permute, voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import { floatToHalf } from "../../imaging/volume/float16.js";
import { NpzWriter, npyHeader } from "../../nnunet-files/npz-writer.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";
import type { AnswerFacts, OpenProbabilities } from "./output-kind.js";

export type ProbabilityFileOptions = Pick<
  AnswerFacts,
  "nnunetVersion" | "heads" | "history" | "plan" | "labels"
>;

/**
 * Opens nnU-Net's `<case>.npz`, `head × z × y × x` in the input's axes: for v2, float32 of the whole image under
 * `probabilities`; for v1, float16 of the cropped image under `softmax`. Slices arrive with all heads, but the file
 * stores one head after the other. Therefore the slices are kept in a scratch file next to it, so that memory holds
 * only one head at a time.
 */
export async function openProbabilityFile(
  path: string,
  options: ProbabilityFileOptions,
): Promise<OpenProbabilities> {
  const { heads, history } = options;
  const stem = await partialPathNextTo(path);
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
  const { heads, history, labels, nnunetVersion } = options;
  const croppedBytes = voxelCount(history.sizeAfterCroppingZyx) * 4;
  const cropped = Buffer.allocUnsafeSlow(croppedBytes);
  const values = new Float32Array(cropped.buffer, 0, croppedBytes / 4);
  const grid = fileGrid(options);
  const writer = await NpzWriter.create(path);
  try {
    await writer.begin(nnunetVersion === 1 ? "softmax.npy" : "probabilities.npy");
    await writer.write(npyHeader([heads, ...grid.sizeZyx], nnunetVersion === 1 ? "f2" : "f4"));
    for (let head = 0; head < heads; head++) {
      await readFully(scratch, cropped, head * croppedBytes);
      const outside = labels.regionsClassOrder === null && head === 0 ? 1 : 0;
      const placed = placedIn(grid, { cropped: values, outside });
      const channel = nnunetVersion === 1 ? Uint16Array.from(placed, floatToHalf) : placed;
      await writer.write(Buffer.from(channel.buffer, channel.byteOffset, channel.byteLength));
    }
    await writer.end();
    await writer.close();
  } finally {
    await writer.abandon();
  }
}

/** The grid of a file, and the position of the cropped image in it. */
interface FileGrid {
  /** In the input's axes. */
  readonly sizeZyx: Zyx;
  /** In transposed axes. */
  readonly boxZyx: PreprocessHistory["cropBoxZyx"];
  readonly transposeForward: Zyx;
}

function fileGrid({ nnunetVersion, history, plan }: ProbabilityFileOptions): FileGrid {
  const { transposeForward, transposeBackward } = plan;
  const { originalGeometry, cropBoxZyx, sizeAfterCroppingZyx } = history;
  if (nnunetVersion === 2) return { sizeZyx: originalGeometry.sizeZyx, boxZyx: cropBoxZyx, transposeForward };
  const [z, y, x] = sizeAfterCroppingZyx;
  return {
    sizeZyx: permute(sizeAfterCroppingZyx, transposeBackward),
    boxZyx: [
      [0, z],
      [0, y],
      [0, x],
    ],
    transposeForward,
  };
}

async function readFully(file: FileHandle, target: Buffer, position: number): Promise<void> {
  for (let done = 0; done < target.length; ) {
    const { bytesRead } = await file.read(target, done, target.length - done, position + done);
    if (bytesRead === 0) throw new Error("the scratch file of the probabilities ended early");
    done += bytesRead;
  }
}

/**
 * Puts one head into the file's grid and restores the order of its axes. Outside the crop, the background has
 * probability 1.
 */
function placedIn(
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
