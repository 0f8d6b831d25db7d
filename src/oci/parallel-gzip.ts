import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { inPieces } from "../ground/files/in-pieces.js";

const compress = promisify(gzip);
const pieceBytes = 4 * 1024 * 1024;

/**
 * Compresses the bytes as a sequence of gzip members, which every reader treats as one stream; the members
 * are compressed in parallel. The same bytes give the same result, because pieces have a fixed size and
 * members contain no time, name or operating system.
 */
export async function* parallelGzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const ahead = availableParallelism() + 1;
  const underway: Promise<Buffer>[] = [];
  try {
    let isEmpty = true;
    for await (const piece of inPieces(bytes, pieceBytes)) {
      isEmpty = false;
      underway.push(compressPiece(piece));
      if (underway.length > ahead) yield await underway.shift()!;
    }
    if (isEmpty) yield await compressPiece(new Uint8Array());
    for (let next = underway.shift(); next !== undefined; next = underway.shift()) yield await next;
  } finally {
    await Promise.allSettled(underway);
  }
}

async function compressPiece(piece: Uint8Array): Promise<Buffer> {
  const member = await compress(piece);
  member[9] = 255; // zlib writes its operating system here; 255 is "unknown"
  return member;
}
