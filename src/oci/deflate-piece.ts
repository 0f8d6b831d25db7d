import { Deflate, Z_SYNC_FLUSH } from "pako";

/**
 * Identifies the compressor that the bytes of a layer depend on. It is part of every cache key of a
 * compressed layer, so that a build never mixes layers of two compressors.
 */
export const compressor = "pako 3.0.3 level 5";

/** Size of the buffer that pako allocates. No piece needs a second one. */
const outputBytes = 257 * 1024;

/**
 * Returns a piece as deflate blocks (RFC 1951) that do not refer to earlier data, end on a whole byte, and
 * are not the last blocks of a stream. These are the bytes of the original zlib at level 5 (`legacyHash`).
 * Node's own zlib is not used, because its output, and therefore the digests of images, would change with
 * Node's version: see docs/decisions/001-compress-layers-with-pako.md.
 */
export function deflatePiece(piece: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  const deflate = new Deflate({ raw: true, level: 5, legacyHash: true, chunkSize: outputBytes });
  deflate.onData = (part) => parts.push(part);
  if (!deflate.push(piece, Z_SYNC_FLUSH)) throw new Error(`pako: ${deflate.msg}`);
  return Buffer.concat(parts);
}
