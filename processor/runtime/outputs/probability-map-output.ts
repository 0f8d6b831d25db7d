import { createWriteStream } from "node:fs";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { encodeVectorHeader } from "../../imaging/formats/nifti/encode-vector-header.js";
import { headOnImageGrid } from "./head-on-image-grid.js";
import { type HeadsScratch, openSpooledFile } from "./heads-scratch.js";
import type { AnswerFacts, OutputOf, ProbabilityKind } from "./output-kind.js";

/**
 * The probabilities of all classes as one `.nii.gz` on the image's own grid, with one component for each class, as
 * SimpleITK writes an image of vectors.
 */
export const probabilityMapOutput: ProbabilityKind<OutputOf<"probability-map">> = {
  takes: "probabilities",
  files: (path) => [path],
  mayBeAbsent: false,
  open: ({ path }, facts) =>
    openSpooledFile(path, facts, async (partial, scratch) => {
      const content = Readable.from(contentOf(scratch, facts));
      // Probabilities compress badly, and the fastest level is not much worse.
      await pipeline(content, createGzip({ level: 1 }), createWriteStream(partial));
    }),
};

async function* contentOf(scratch: HeadsScratch, facts: AnswerFacts): AsyncGenerator<Uint8Array> {
  const { heads, image } = facts;
  const { source, geometry } = image;
  const kept = source.format === "nifti" && source.nifti?.version === 1 ? source.nifti : null;
  yield encodeVectorHeader({ geometry, components: heads, source: kept });
  for (let head = 0; head < heads; head++) {
    const { buffer, byteOffset, byteLength } = await headOnImageGrid(scratch, head, facts);
    yield new Uint8Array(buffer, byteOffset, byteLength);
  }
}
