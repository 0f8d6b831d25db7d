import { createHash } from "node:crypto";
import { access, chmod, constants, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Checked, count, orNull, record, sha256Hex, text } from "../../processor/contract/json-check.js";
import { parseOrNull } from "../../processor/contract/parse-checked.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { diskError } from "../../processor/files/disk-error.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { partialPathNextTo } from "../../processor/files/partial-path.js";
import { digestFile } from "../download/file-digest.js";
import { withFileLock } from "../download/file-lock.js";
import { unwritableCache } from "../ground/files/unwritable-cache.js";

/** A file of the cache whose digest was verified in this process. */
export interface StoredFile {
  readonly file: string;
  readonly size: number;
  readonly sha256: string;
}

const storeRecord = record({
  /** The origin for messages: an address without secrets, or an archive and its entry. */
  origin: text,
  sha256: sha256Hex,
  size: count,
  /** The version that the server named; null if it named none. */
  etag: orNull(text),
  /** A published checksum that matched the bytes, such as `md5:…`; null for none. */
  digest: orNull(text),
});

/** The cache's record of one origin. */
export type StoreRecord = Checked<typeof storeRecord>;

/**
 * A cache of files by their SHA-256, and of records that map an origin to a file. Builds and processes share
 * it: files are created under temporary names and renamed, are read-only, and are verified by their digest
 * before use.
 */
export class ContentStore {
  readonly folder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  readonly #verified = new Set<string>();

  private constructor(folder: string, progress: Progress, signal: AbortSignal) {
    this.folder = folder;
    this.progress = progress;
    this.signal = signal;
  }

  static async open(folder: string, progress: Progress, signal: AbortSignal): Promise<ContentStore> {
    try {
      for (const part of ["files", "origins", "partial", "locks"])
        await makeFolder(join(folder, part), 0o700);
      await access(join(folder, "partial"), constants.W_OK);
    } catch (cause) {
      throw unwritableCache(folder, cause);
    }
    return new ContentStore(folder, progress, signal);
  }

  /** Returns the record under `key`; null if it is missing or does not fit. */
  async recall(key: string): Promise<StoreRecord | null> {
    const found = await readFile(this.#recordFile(key), "utf8").catch(() => null);
    return found === null ? null : parseOrNull(found, storeRecord);
  }

  /**
   * Returns the file with this digest; null if it is not in the cache. Removes a file whose bytes have
   * changed.
   */
  async find(sha256: string, label: string): Promise<StoredFile | null> {
    const file = this.#contentFile(sha256);
    const size = await stat(file).then(
      (found) => found.size,
      () => null,
    );
    if (size === null) return null;
    if (this.#verified.has(sha256)) return { file, size, sha256 };
    const found = await digestFile(file, ["sha256"], { progress: this.progress, label });
    if (found.sha256 === sha256) {
      this.#verified.add(sha256);
      return { file, size, sha256 };
    }
    this.progress.note(`${label}: the copy in the cache is damaged and is removed`);
    await rm(file, { force: true });
    return null;
  }

  /**
   * Moves a finished file into the cache under its digest, and records its origin. The caller has computed
   * the digest.
   */
  async keep(finishedFile: string, key: string, origin: StoreRecord): Promise<StoredFile> {
    const file = this.#contentFile(origin.sha256);
    await chmod(finishedFile, 0o444);
    await rename(finishedFile, file);
    this.#verified.add(origin.sha256);
    const partial = await partialPathNextTo(join(this.folder, "partial", "file"));
    await writeFile(partial, JSON.stringify(origin));
    await rename(partial, this.#recordFile(key));
    return { file, size: origin.size, sha256: origin.sha256 };
  }

  /** Writes bytes into the cache and computes their digest on the way. */
  async write(bytes: AsyncIterable<Uint8Array>, key: string, origin: string): Promise<StoredFile> {
    const partial = await partialPathNextTo(join(this.folder, "partial", "file"));
    const hash = createHash("sha256");
    let size = 0;
    try {
      const file = await open(partial, "wx");
      try {
        for await (const chunk of bytes) {
          hash.update(chunk);
          size += chunk.byteLength;
          await file.writeFile(chunk); // appends at the handle's position
        }
      } finally {
        await file.close();
      }
      const sha256 = hash.digest("hex");
      return await this.keep(partial, key, { origin, sha256, size, etag: null, digest: null });
    } catch (error) {
      await rm(partial, { force: true });
      throw diskError(error, `in the cache folder ${this.folder}`);
    }
  }

  /**
   * Runs `action` in at most one process at a time for this key.
   *
   * @param label the name of what is fetched, for messages
   */
  exclusively<T>(key: string, label: string, action: () => Promise<T>): Promise<T> {
    return withFileLock(join(this.folder, "locks", `${nameOf(key)}.lock`), action, {
      signal: this.signal,
      onWait: () => this.progress.note(`${label}: waiting for another process that fetches it`),
    });
  }

  /** Returns the path for the bytes of an unfinished download. */
  partFile(key: string): string {
    return join(this.folder, "partial", `${nameOf(key)}.part`);
  }

  #contentFile(sha256: string): string {
    return join(this.folder, "files", sha256);
  }

  #recordFile(key: string): string {
    return join(this.folder, "origins", `${nameOf(key)}.json`);
  }
}

const nameOf = (key: string) => createHash("sha256").update(key).digest("hex");
