import { crc32, deflateSync, inflateSync } from "node:zlib";
import { type Mutation, mutateBytes } from "./mutate.js";
import type { Random } from "./random.js";

/** Changes one chunk of a PNG and corrects its length and checksum. Pixels are changed before they are compressed. */
export const mutatePng: Mutation = (bytes, random) => {
  const chunks = random.below(8) > 0 ? chunksOf(bytes) : null;
  if (chunks === null || chunks.length === 0) return mutateBytes(bytes, random);
  const at = random.below(chunks.length);
  const chunk = chunks[at]!;
  const changes: readonly (() => void)[] = [
    () => chunks.splice(at, 1, { ...chunk, data: mutateData(chunk, random) }),
    () => chunks.splice(at, 1, { ...chunk, data: mutateData(chunk, random) }),
    () =>
      chunks.splice(at, 1, {
        ...chunk,
        name: random.oneOf(["IHDR", "PLTE", "IDAT", "IEND", "tRNS", "ABCD", "tEXt"]),
      }),
    () => chunks.splice(at, 1),
    () => chunks.splice(random.below(chunks.length), 0, chunk),
  ];
  random.oneOf(changes)();
  return Buffer.concat([bytes.subarray(0, 8), ...chunks.map(chunkBytes)]);
};

interface Chunk {
  readonly name: string;
  readonly data: Buffer;
}

function mutateData({ name, data }: Chunk, random: Random): Buffer {
  if (name !== "IDAT" || random.below(2) === 0) return mutateBytes(data, random);
  try {
    return deflateSync(mutateBytes(inflateSync(data, { maxOutputLength: 16 << 20 }), random));
  } catch {
    return mutateBytes(data, random); // one of several chunks, or damaged before
  }
}

function chunksOf(bytes: Buffer): Chunk[] | null {
  const chunks: Chunk[] = [];
  for (let at = 8; at < bytes.length; ) {
    if (at + 12 > bytes.length) return null;
    const end = at + 12 + bytes.readUInt32BE(at);
    if (end > bytes.length) return null;
    chunks.push({ name: bytes.toString("latin1", at + 4, at + 8), data: bytes.subarray(at + 8, end - 4) });
    at = end;
  }
  return chunks;
}

function chunkBytes({ name, data }: Chunk): Buffer {
  const chunk = Buffer.alloc(12 + data.length);
  chunk.writeUInt32BE(data.length, 0);
  chunk.write(name, 4, "latin1");
  data.copy(chunk, 8);
  chunk.writeUInt32BE(crc32(chunk.subarray(4, 8 + data.length)), 8 + data.length);
  return chunk;
}
