import { ProcessorError } from "../../processor/contract/errors.js";
import { ZipArchive } from "../../processor/files/zip/zip-archive.js";
import { type DownloadOutcome, downloadFile } from "../download/download-file.js";
import { type Digest, digestFile, formatDigest } from "../download/file-digest.js";
import { type HttpClient, shownUrl } from "../download/http-client.js";
import { discardPart } from "../download/part-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ContentStore, StoredFile, StoreRecord } from "./content-store.js";

export interface DownloadRequest {
  readonly url: URL;
  /** The file's name, for messages and the progress bar. */
  readonly label: string;
  /** The published size and digest; null if they are not published. */
  readonly published: { readonly size: number; readonly digest: Digest } | null;
  /** The digest in processor.lock.json; null if the address is not locked. */
  readonly lockedSha256: string | null;
  /** What is sent to the server, which otherwise gets no more than the address; absent for nothing. */
  readonly postedJson?: Readonly<Record<string, string>>;
}

const maxAtOnce = 2;

/**
 * A cache of zip archives from the network. Each is downloaded once, shared between builds and processes, and
 * verified before use.
 */
export class DownloadCache {
  readonly #store: ContentStore;
  readonly #http: HttpClient;
  readonly #gate = new Gate(maxAtOnce);

  constructor(store: ContentStore, http: HttpClient) {
    this.#store = store;
    this.#http = http;
  }

  /**
   * Returns the archive as a local file. Does not use the network if the lock or the published checksum
   * confirms the copy in the cache.
   *
   * @throws SOURCE_CHANGED if the bytes are not the locked ones; DOWNLOAD_CORRUPT if they are not the
   * published ones; ARCHIVE_INVALID and ARCHIVE_UNSAFE for a file that is not a valid zip; DOWNLOAD_FAILED
   */
  obtain(request: DownloadRequest): Promise<StoredFile> {
    const key = request.url.href;
    return this.#gate.run(() =>
      this.#store.exclusively(key, request.label, () => this.#obtain(request, key)),
    );
  }

  async #obtain(request: DownloadRequest, key: string): Promise<StoredFile> {
    const { label, lockedSha256, published } = request;
    if (lockedSha256 !== null) {
      const locked = await this.#store.find(lockedSha256, label);
      if (locked !== null) return locked;
    }
    const record = await this.#store.recall(key);
    const cached = record === null ? null : await this.#store.find(record.sha256, label);
    if (cached !== null && record !== null && agreesWithPublished(record, published)) {
      checkLock(request, cached.sha256);
      return cached;
    }
    const knownEtag = cached !== null && published === null ? (record?.etag ?? null) : null;
    const outcome = await this.#download(request, key, knownEtag);
    if (outcome.status === "complete") return this.#accept(request, key, outcome);
    if (cached === null) throw builderError("DOWNLOAD_FAILED", `${label}: the server sent no bytes`);
    checkLock(request, cached.sha256);
    return cached;
  }

  #download(request: DownloadRequest, key: string, knownEtag: string | null): Promise<DownloadOutcome> {
    return downloadFile(
      {
        url: request.url,
        label: request.label,
        partFile: this.#store.partFile(key),
        expectedSize: request.published?.size ?? null,
        isVerifiedLater: request.published !== null || request.lockedSha256 !== null,
        knownEtag,
        postedJson: request.postedJson ?? null,
      },
      this.#http,
    ).catch((error: unknown) => {
      if (!(error instanceof ProcessorError) || error.code !== "DOWNLOAD_FAILED") throw error;
      // A posted request has no address under which a browser finds the file.
      if (request.postedJson != null) throw error;
      const isWhole = new URL(request.url).search === "";
      const message = `${error.message}; the file is at ${shownUrl(request.url)}${isWhole ? "" : " (without its query)"}`;
      throw builderError("DOWNLOAD_FAILED", message, { cause: error });
    });
  }

  async #accept(request: DownloadRequest, key: string, download: CompleteDownload): Promise<StoredFile> {
    try {
      return await this.#keepVerified(request, key, download);
    } catch (error) {
      if (!download.wasResumed || !(error instanceof ProcessorError)) throw error;
    }
    // The continued part may be the cause, so the download is repeated from the first byte.
    this.#http.progress.note(`${request.label}: the continued download is damaged and starts again`);
    const fresh = await this.#download(request, key, null);
    if (fresh.status !== "complete")
      throw builderError("DOWNLOAD_FAILED", `${request.label}: the server sent no bytes`);
    return this.#keepVerified(request, key, fresh);
  }

  /** Compares the finished part with everything that is known about it, then moves it into the cache. */
  async #keepVerified(
    request: DownloadRequest,
    key: string,
    download: CompleteDownload,
  ): Promise<StoredFile> {
    const { published, label } = request;
    const { size, etag } = download;
    const partFile = this.#store.partFile(key);
    try {
      const sha256 = await this.#verify(request, partFile);
      const digest = published === null ? null : formatDigest(published.digest);
      return await this.#store.keep(partFile, key, {
        origin: shownUrl(request.url),
        sha256,
        size,
        etag,
        digest,
      });
    } catch (error) {
      throw withLabel(error, partFile, label);
    } finally {
      await discardPart(partFile);
    }
  }

  async #verify(request: DownloadRequest, partFile: string): Promise<string> {
    const { published, label } = request;
    const algorithm = published?.digest.algorithm ?? "sha256";
    const found = await digestFile(partFile, ["sha256", algorithm], { progress: this.#http.progress, label });
    if (published !== null) checkPublished(label, published.digest, found[algorithm]!);
    checkLock(request, found.sha256!);
    await (await ZipArchive.open(partFile)).close();
    return found.sha256!;
  }
}

type CompleteDownload = Extract<DownloadOutcome, { status: "complete" }>;

function agreesWithPublished(record: StoreRecord, published: DownloadRequest["published"]): boolean {
  return published !== null && record.digest === formatDigest(published.digest);
}

function checkPublished(label: string, published: Digest, foundHex: string): void {
  if (foundHex === published.hex) return;
  throw builderError(
    "DOWNLOAD_CORRUPT",
    `${label} arrived with ${published.algorithm} ${foundHex}, but ${published.hex} is published`,
  );
}

function checkLock({ lockedSha256, label }: DownloadRequest, sha256: string): void {
  if (lockedSha256 === null || lockedSha256 === sha256) return;
  throw builderError(
    "SOURCE_CHANGED",
    `${label} has sha256 ${sha256}, but processor.lock.json has ${lockedSha256}`,
  );
}

/** Replaces the part's file name, which means nothing to a person, with the label. */
function withLabel(error: unknown, partFile: string, label: string): unknown {
  if (!(error instanceof ProcessorError) || !error.message.startsWith(partFile)) return error;
  return error.reworded(label + error.message.slice(partFile.length));
}

/** Limits the number of simultaneous actions; the others wait in order. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  async run<T>(action: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await action();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
