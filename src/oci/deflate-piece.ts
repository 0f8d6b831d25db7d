import { Deflate, Z_SYNC_FLUSH } from "pako";

/**
 * Names what the bytes of a compressed layer depend on besides its files. Every cache key of such a layer has it, so
 * that no build mixes layers of two compressors.
 */
export const compressor = "pako 3.0.3 level 5";

/** pako allocates a buffer this large; no piece needs a second one. */
const outputBytes = 257 * 1024;

/**
 * Returns a piece as deflate blocks (RFC 1951) that refer to nothing before it, end on a whole byte, and are not
 * the last ones of a stream. These are the bytes of the original zlib at level 5 (`legacyHash`). Node's own zlib is
 * not used because its output changes with Node's version, and with it the digests of images would: see
 * docs/decisions/001-compress-layers-with-pako.md.
 */
export function deflatePiece(piece: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  const deflate = new Deflate({ raw: true, level: 5, legacyHash: true, chunkSize: outputBytes });
  deflate.onData = (part) => parts.push(part);
  if (!deflate.push(piece, Z_SYNC_FLUSH)) throw new Error(`pako: ${deflate.msg}`);
  return Buffer.concat(parts);
}
