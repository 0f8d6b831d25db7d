import { createHash, randomUUID } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { access, open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Checked,
  count,
  type JsonCheck,
  matching,
  record,
} from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import { diskError } from "../../processor/files/disk-error.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { hashing, StreamHash } from "../ground/files/stream-hash.js";
import { unwritableCache } from "../ground/files/unwritable-cache.js";
import { FileAppender } from "../ground/files/write-flushed.js";
import { hexOf } from "./oci-types.js";

/** A blob that is stored under its digest. */
export interface CachedBlob {
  /** `sha256:…` */
  readonly digest: string;
  readonly size: number;
}

const digest = matching(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 hexadecimal digits in lower case");

/** A cached layer, with the digests of its gzip frame and of the tar inside. */
export const cachedLayer = record({ digest, size: count, diffId: digest });

export type CachedLayer = Checked<typeof cachedLayer>;

/**
 * A cache of blobs by digest, and of small records that refer to them. Several builds may share one cache:
 * blobs are written to a temporary file and then renamed, so a blob under its final name is complete. A
 * file's time is the time of its last use, which `withLayerCache` uses to select old layers.
 */
export class BlobCache {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @throws OUTPUT_UNWRITABLE */
  static async open(folder: string): Promise<BlobCache> {
    try {
      for (const part of ["blobs", "records", "partial"]) await makeFolder(join(folder, part), 0o700);
      await access(join(folder, "partial"), constants.W_OK);
    } catch (cause) {
      throw unwritableCache(folder, cause);
    }
    return new BlobCache(folder);
  }

  blobFile(digest: string): string {
    return join(this.folder, "blobs", hexOf(digest));
  }

  /**
   * Reads a blob and verifies its digest. Removes a damaged blob, so that the next build creates it again.
   */
  async *read(digest: string): AsyncGenerator<Uint8Array> {
    await markUsed(this.blobFile(digest));
    const hash = new StreamHash();
    try {
      yield* hashing(createReadStream(this.blobFile(digest), { highWaterMark: 1 << 20 }), hash);
      if (`sha256:${await hash.digest()}` === digest) return;
    } finally {
      hash.drop();
    }
    await rm(this.blobFile(digest), { force: true });
    throw builderError(
      "IMAGE_BUILD_FAILED",
      `the cached layer ${digest} is damaged; it is removed from ${this.folder}, so run the command again`,
    );
  }

  /** Returns whether the blob exists with this size. */
  async has({ digest, size }: CachedBlob): Promise<boolean> {
    const found = await stat(this.blobFile(digest)).catch(() => null);
    if (found?.size !== size) return false;
    await markUsed(this.blobFile(digest));
    return true;
  }

  /**
   * Writes bytes and names the file by their digest.
   *
   * @throws DISK_FULL; the signal's reason if aborted
   */
  async write(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<CachedBlob> {
    const partial = join(this.folder, "partial", randomUUID());
    const hash = new StreamHash();
    let size = 0;
    try {
      const file = await open(partial, "wx");
      const appender = new FileAppender(file);
      try {
        for await (const chunk of bytes) {
          signal.throwIfAborted();
          await hash.update(chunk);
          size += chunk.length;
          await appender.append(chunk);
        }
        await appender.finish();
      } finally {
        await appender.finish().catch(() => {});
        await file.close();
      }
      const digest = `sha256:${await hash.digest()}`;
      await rename(partial, this.blobFile(digest));
      return { digest, size };
    } catch (error) {
      throw diskError(error, `in the cache folder ${this.folder}`);
    } finally {
      hash.drop();
      await rm(partial, { force: true });
    }
  }

  /** Returns the record under a key; null if it is missing or does not fit. */
  async recall<T>(key: string, check: JsonCheck<T>): Promise<T | null> {
    const text = await readFile(this.#recordFile(key), "utf8").catch(() => null);
    const found = text === null ? null : parseOrNull(text, check);
    if (found !== null) await markUsed(this.#recordFile(key));
    return found;
  }

  async remember(key: string, record: unknown): Promise<void> {
    const partial = join(this.folder, "partial", randomUUID());
    await writeFile(partial, JSON.stringify(record));
    await rename(partial, this.#recordFile(key));
  }

  /** Returns the layer under `key` from the cache if it is complete there, and otherwise makes it. */
  async layer(key: string, make: () => Promise<CachedLayer>): Promise<CachedLayer> {
    const known = await this.recall(key, cachedLayer);
    if (known !== null && (await this.has(known))) return known;
    const made = await make();
    await this.remember(key, made);
    return made;
  }

  #recordFile(key: string): string {
    return join(this.folder, "records", `${createHash("sha256").update(key).digest("hex")}.json`);
  }
}

/**
 * Updates the file's time. Failing for a file of another user is acceptable, because it affects only the
 * order in which layers are removed.
 */
async function markUsed(file: string): Promise<void> {
  const now = new Date();
  await utimes(file, now, now).catch(() => {});
}
