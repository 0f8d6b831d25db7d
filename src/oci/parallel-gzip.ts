import { availableParallelism } from "node:os";
import { promisify } from "node:util";
import { gzip } from "node:zlib";

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
    for await (const piece of pieces(bytes)) {
      underway.push(compressPiece(piece));
      if (underway.length > ahead) yield await underway.shift()!;
    }
    for (let next = underway.shift(); next !== undefined; next = underway.shift()) yield await next;
  } finally {
    await Promise.allSettled(underway);
  }
}

/** Splits the bytes into pieces of 4 MiB, the last one shorter. Yields one empty piece for an empty input. */
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
  member[9] = 255; // zlib writes its operating system here; 255 is "unknown"
  return member;
}
