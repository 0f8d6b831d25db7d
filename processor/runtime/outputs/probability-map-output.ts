import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { partialPathNextTo } from "../../files/partial-path.js";
import { outputError } from "../../files/write-file.js";
import { encodeVectorHeader } from "../../imaging/formats/nifti/encode-vector-header.js";
import { turnToRas, turnVoxels } from "../../imaging/volume/reorient.js";
import { type HeadsScratch, openHeadsScratch, placedIn } from "./heads-scratch.js";
import type { AnswerFacts, ProbabilityKind } from "./output-kind.js";

/**
 * The probabilities of all classes as one `.nii.gz` on the image's own grid, with one component for each class, as
 * SimpleITK writes an image of vectors.
 */
export const probabilityMapOutput: ProbabilityKind = {
  takes: "probabilities",
  files: (path) => [path],
  async open(path, facts) {
    const stem = await partialPathNextTo(path);
    const sizeZyx = facts.history.sizeAfterCroppingZyx;
    const scratch = await openHeadsScratch(`${stem}.scratch`, { path, heads: facts.heads, sizeZyx });
    return {
      writeSlice: (z, planes) => scratch.writeSlice(z, planes),
      async finish() {
        try {
          const content = Readable.from(contentOf(scratch, facts));
          // Probabilities compress badly, and the fastest level is not much worse.
          await pipeline(content, createGzip({ level: 1 }), createWriteStream(stem));
          await rename(stem, path);
        } catch (error) {
          throw outputError(path, error);
        }
      },
      async discard() {
        await scratch.discard();
        await rm(stem, { force: true });
      },
    };
  },
};

async function* contentOf(scratch: HeadsScratch, facts: AnswerFacts): AsyncGenerator<Uint8Array> {
  const { heads, history, plan, labels, image } = facts;
  const { source, geometry } = image;
  const kept = source.format === "nifti" && source.nifti?.version === 1 ? source.nifti : null;
  yield encodeVectorHeader({ geometry, components: heads, source: kept });
  const grid = {
    sizeZyx: history.originalGeometry.sizeZyx,
    boxZyx: history.cropBoxZyx,
    transposeForward: plan.transposeForward,
  };
  const isTurned = plan.imageReader.endsWith("WithReorient");
  for (let head = 0; head < heads; head++) {
    const outside = labels.regionsClassOrder === null && head === 0 ? 1 : 0;
    const placed = placedIn(grid, { cropped: await scratch.readHead(head), outside });
    const plain = isTurned ? new Float32Array(placed.length) : placed;
    if (isTurned) {
      const turn = turnToRas(geometry);
      turnVoxels({ plain, turned: placed, sizeZyx: geometry.sizeZyx, turn, writes: "plain" });
    }
    yield new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
  }
}
