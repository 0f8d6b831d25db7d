import { permute } from "../../imaging/volume/axes.js";
import { floatToHalf } from "../../imaging/volume/float16.js";
import { NpzWriter, npyHeader } from "../../nnunet-files/npz-writer.js";
import { type FileGrid, type HeadsScratch, openSpooledFile, placedIn } from "./heads-scratch.js";
import type { AnswerFacts, OpenProbabilities } from "./output-kind.js";

export type ProbabilityFileOptions = Pick<
  AnswerFacts,
  "nnunetVersion" | "heads" | "history" | "plan" | "labels"
>;

/**
 * Opens nnU-Net's `<case>.npz`, `head × z × y × x` in the input's axes: for v2, float32 of the whole image under
 * `probabilities`; for v1, float16 of the cropped image under `softmax`.
 */
export const openProbabilityFile = (
  path: string,
  options: ProbabilityFileOptions,
): Promise<OpenProbabilities> =>
  openSpooledFile(path, options, (partial, scratch) => writeArchive(partial, scratch, options));

async function writeArchive(
  path: string,
  scratch: HeadsScratch,
  options: ProbabilityFileOptions,
): Promise<void> {
  const { heads, labels, nnunetVersion } = options;
  const grid = fileGrid(options);
  const writer = await NpzWriter.create(path);
  try {
    await writer.begin(nnunetVersion === 1 ? "softmax.npy" : "probabilities.npy");
    await writer.write(npyHeader([heads, ...grid.sizeZyx], nnunetVersion === 1 ? "f2" : "f4"));
    for (let head = 0; head < heads; head++) {
      const cropped = await scratch.readHead(head);
      const outside = labels.regionsClassOrder === null && head === 0 ? 1 : 0;
      const placed = placedIn(grid, { cropped, outside });
      const channel = nnunetVersion === 1 ? Uint16Array.from(placed, floatToHalf) : placed;
      await writer.write(Buffer.from(channel.buffer, channel.byteOffset, channel.byteLength));
    }
    await writer.end();
    await writer.close();
  } finally {
    await writer.abandon();
  }
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
