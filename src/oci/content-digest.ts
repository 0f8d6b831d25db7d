import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { sha256Hex } from "../../processor/contract/json-check.js";
import { StreamHash } from "../ground/files/stream-hash.js";
import type { FileSource } from "../image/image-plan.js";
import type { BlobCache } from "./blob-cache.js";

/** A file that changed more recently may change again within the resolution of its timestamps, unnoticed. */
const settledMs = 2000;

/**
 * Returns the SHA-256 of a file. A file that was digested before and has the same device, inode, size and
 * times is not read again, so 1 GB of unchanged weights costs one `stat`.
 */
export async function contentDigest(source: FileSource, cache: BlobCache): Promise<string> {
  if ("text" in source) return createHash("sha256").update(source.text).digest("hex");
  if (source.known !== undefined) return source.known.sha256;
  const { key, sizeBytes, isSettled } = await identify(source.file);
  const known = await cache.recall(key, sha256Hex);
  if (known !== null) return known;
  const hash = new StreamHash(sizeBytes);
  try {
    for await (const chunk of createReadStream(source.file, { highWaterMark: 1 << 20 }))
      await hash.update(chunk as Buffer);
    const digest = await hash.digest();
    if (isSettled) await cache.remember(key, digest);
    return digest;
  } finally {
    hash.drop();
  }
}

/** The state of a file at one moment. */
export interface FileIdentity {
  /** Changes when the file changes, as far as that is visible. */
  readonly key: string;
  readonly sizeBytes: number;
  /** False if the file was written so recently that it could change again without another time. */
  readonly isSettled: boolean;
}

export async function identify(file: string): Promise<FileIdentity> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(file, { bigint: true });
  return {
    key: `content ${file} ${[dev, ino, size, mtimeNs, ctimeNs].join(" ")}`,
    sizeBytes: Number(size),
    isSettled: Math.abs(Date.now() - Number(ctimeNs / 1_000_000n)) > settledMs,
  };
}
