import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import type { Progress } from "../../processor/contract/progress/progress.js";
import type { FileRange } from "../../processor/files/zip/byte-range.js";

/** A checksum that a server published. */
export interface Digest {
  /** The algorithm's name in node:crypto, such as `md5` or `sha256`. */
  readonly algorithm: string;
  /** Lower-case hexadecimal. */
  readonly hex: string;
}

export const formatDigest = ({ algorithm, hex }: Digest): string => `${algorithm}:${hex}`;

const blockBytes = 1 << 20;

/**
 * Returns the hexadecimal digests of a file, or of a part of it, by algorithm, in one pass over its bytes.
 */
export async function digestFile<A extends string>(
  place: string | FileRange,
  algorithms: readonly A[],
  { progress, label }: { readonly progress: Progress; readonly label: string },
): Promise<Readonly<Record<A, string>>> {
  const hashes = algorithms.map((algorithm) => ({ algorithm, hash: createHash(algorithm) }));
  const file = await open(typeof place === "string" ? place : place.file);
  const { offset, size } = typeof place === "string" ? { offset: 0, size: (await file.stat()).size } : place;
  const bar = progress.start({ label: `checking ${label}`, total: size, unit: "bytes" });
  try {
    const block = Buffer.allocUnsafe(blockBytes);
    for (let done = 0; done < size; ) {
      const wanted = Math.min(blockBytes, size - done);
      const { bytesRead } = await file.read(block, 0, wanted, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
      for (const { hash } of hashes) hash.update(block.subarray(0, bytesRead));
      bar.advance(bytesRead);
    }
  } finally {
    bar.done();
    await file.close();
  }
  return Object.fromEntries(hashes.map(({ algorithm, hash }) => [algorithm, hash.digest("hex")])) as Record<
    A,
    string
  >;
}
