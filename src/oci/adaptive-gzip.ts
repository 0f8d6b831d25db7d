import { crc32 } from "node:zlib";
import { inPieces } from "../ground/files/in-pieces.js";
import { deflatePiece } from "./deflate-piece.js";
import { gzipHeader, gzipTrailer, storedBlocks } from "./stored-gzip.js";

const pieceBytes = 256 * 1024;
/** A piece that deflate shrinks by less than a tenth is stored. fp32 weights shrink by about 7 %. */
const worthwhile = 0.9;
/**
 * Maximum number of pieces that are stored without a trial after a piece that did not shrink enough. The
 * number doubles each time.
 */
const maxUntried = 256;

/**
 * Frames the bytes as gzip. Pieces that shrink enough are deflated and the others are stored: programs reach
 * their usual size, and weights pass at disk speed after a few trials. Every decision depends only on the
 * bytes, and the compressor's version is pinned, so no version of Node can change a digest.
 */
export async function* adaptiveGzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let crc = 0;
  let sizeBytes = 0;
  let untried = 0;
  let pause = 1;
  yield gzipHeader();
  for await (const piece of inPieces(bytes, pieceBytes)) {
    crc = crc32(piece, crc);
    sizeBytes += piece.length;
    const deflated = untried > 0 ? null : deflatePiece(piece);
    if (deflated !== null && deflated.length < worthwhile * piece.length) {
      pause = 1;
      yield deflated;
      continue;
    }
    if (deflated === null) untried -= 1;
    else {
      untried = pause;
      pause = Math.min(2 * pause, maxUntried);
    }
    yield storedBlocks(piece);
  }
  yield Buffer.from([1, 0, 0, 0xff, 0xff]); // an empty stored block, the last
  yield gzipTrailer(crc, sizeBytes);
}
