import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { sha256Hex } from "../../processor/contract/json-check.js";
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
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(source.file, { bigint: true });
  const key = `content ${source.file} ${[dev, ino, size, mtimeNs, ctimeNs].join(" ")}`;
  const known = await cache.recall(key, sha256Hex);
  if (known !== null) return known;
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(source.file, { highWaterMark: 1 << 20 }))
    hash.update(chunk as Buffer);
  const digest = hash.digest("hex");
  const ageMs = Math.abs(Date.now() - Number(ctimeNs / 1_000_000n));
  if (ageMs > settledMs) await cache.remember(key, digest);
  return digest;
}
