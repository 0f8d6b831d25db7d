import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

const compress = promisify(gzip);
const pieceBytes = 4 * 1024 * 1024;

/**
 * The bytes compressed as gzip members one after the other, which every reader takes as one stream; members are
 * made side by side. The same bytes give the same result: pieces have one size, and a member holds neither time
 * nor name nor system.
 */
export async function* parallelGzip(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const ahead = availableParallelism() + 1;
  const underway: Promise<Buffer>[] = [];
  try {
    for await (const piece of pieces(bytes)) {
      underway.push(compressPiece(piece));
      if (underway.length > ahead) yield await underway.shift()!;
    }
    for (let next = underway.shift(); next !== undefined; next = underway.shift()) yield await next;
  } finally {
    await Promise.allSettled(underway);
  }
}

/** The same bytes in pieces of 4 MiB, the last one shorter; one empty piece when there is nothing. */
async function* pieces(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  let gathered: Uint8Array[] = [];
  let length = 0;
  let isEmpty = true;
  for await (const chunk of bytes) {
    let rest = chunk;
    while (length + rest.length >= pieceBytes) {
      const end = pieceBytes - length;
      yield Buffer.concat([...gathered, rest.subarray(0, end)]);
      isEmpty = false;
      rest = rest.subarray(end);
      gathered = [];
      length = 0;
    }
    if (rest.length > 0) gathered.push(rest);
    length += rest.length;
  }
  if (length > 0 || isEmpty) yield Buffer.concat(gathered);
}

async function compressPiece(piece: Buffer): Promise<Buffer> {
  const member = await compress(piece);
  member[9] = 255; // zlib names its operating system here; 255 is "unknown"
  return member;
}
