import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { HttpClient, shownUrl } from "../download/http-client.js";
import { lockSource, readLockedSource } from "../download/lock-file.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { ContentStore, type StoredFile } from "./content-store.js";
import { DownloadCache, type DownloadRequest } from "./download-cache.js";
import { FolderSource } from "./folder-source.js";
import type { ModelSource } from "./model-source.js";
import { findZenodoFile, parseZenodoAddress, zenodoUrl } from "./zenodo.js";
import { ZipSource } from "./zip-source.js";

export interface SourceContextOptions {
  readonly cacheFolder: string;
  readonly progress: Progress;
  /** Path of processor.lock.json next to the config; null to neither compare nor write a lock. */
  readonly lockFile: string | null;
  /** A mirror of Zenodo, which may use plain http; null for Zenodo itself. */
  readonly zenodoMirror: URL | null;
  readonly signal: AbortSignal;
}

/**
 * The environment for opening sources. It is created once per run, so that all downloads share its limit of
 * two at a time.
 */
export interface SourceContext {
  readonly store: ContentStore;
  readonly http: HttpClient;
  readonly downloads: DownloadCache;
  readonly lockFile: string | null;
  readonly zenodoUrl: URL;
}

export async function openSourceContext(options: SourceContextOptions): Promise<SourceContext> {
  const { progress, signal, zenodoMirror, lockFile } = options;
  const store = await ContentStore.open(options.cacheFolder, progress, signal);
  const http = new HttpClient({
    progress,
    signal,
    ...(zenodoMirror === null ? {} : { mirrorOrigins: [zenodoMirror.origin] }),
  });
  return {
    store,
    http,
    downloads: new DownloadCache(store, http),
    lockFile,
    zenodoUrl: zenodoMirror === null ? zenodoUrl : withSlash(zenodoMirror),
  };
}

/**
 * Opens a source of trained weights: a folder, a `.zip` file, `https://…/x.zip`, or `zenodo:<record>/<file>`.
 * A remote source is downloaded, verified and locked.
 */
export async function openModelSource(address: string, context: SourceContext): Promise<ModelSource> {
  return openers[schemeOf(address)](address, context);
}

/**
 * Downloads the archive of a remote address and compares it with processor.lock.json, which records its
 * digest the first time.
 *
 * @throws SOURCE_CHANGED if it differs from the lock
 */
export async function fetchArchive(address: string, context: SourceContext): Promise<StoredFile> {
  const { lockFile, store, downloads } = context;
  const lockName = lockNameOf(address);
  const locked = lockFile === null ? null : await readLockedSource(lockFile, lockName);
  const cached = locked === null ? null : await store.find(locked.sha256, lockName);
  if (cached !== null) return cached;
  const described = await describeRemote(address, context);
  const archive = await downloads.obtain({ ...described, lockedSha256: locked?.sha256 ?? null });
  if (lockFile !== null) await lockSource({ lockFile, signal: context.http.signal }, lockName, archive);
  return archive;
}

type Scheme = "folder" | ".zip" | "https:" | "zenodo:";

const openers: Readonly<Record<Scheme, (address: string, context: SourceContext) => Promise<ModelSource>>> = {
  folder: FolderSource.open,
  ".zip": (file, { store }) => ZipSource.open(file, store),
  "https:": openRemote,
  "zenodo:": openRemote,
};

function schemeOf(address: string): Scheme {
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(address)?.[1]?.toLowerCase(); // one letter is a Windows drive
  if (scheme === "zenodo") return "zenodo:";
  if (scheme === "https" || scheme === "http") return "https:";
  if (scheme !== undefined)
    throw builderError("SOURCE_INVALID", `${address}: ${scheme}: is not a supported source of models`);
  return address.toLowerCase().endsWith(".zip") ? ".zip" : "folder";
}

async function openRemote(address: string, context: SourceContext): Promise<ModelSource> {
  const { file, sha256 } = await fetchArchive(address, context);
  return ZipSource.open(file, context.store, { address: lockNameOf(address), sha256 });
}

async function describeRemote(
  address: string,
  context: SourceContext,
): Promise<Omit<DownloadRequest, "lockedSha256">> {
  if (schemeOf(address) === "zenodo:") {
    const { name, size, digest, url } = await findZenodoFile(
      parseZenodoAddress(address),
      context.http,
      context.zenodoUrl,
    );
    return { url, label: name, published: { size, digest } };
  }
  const url = parseUrl(address);
  return { url, label: basename(url.pathname) || url.host, published: null };
}

function parseUrl(address: string): URL {
  if (!URL.canParse(address)) throw builderError("SOURCE_INVALID", `${address} is not a URL`);
  return new URL(address);
}

/**
 * Returns the address without name, password and query, which may be secrets, because it is shown in messages
 * and written to a file under version control.
 */
function lockNameOf(address: string): string {
  if (schemeOf(address) !== "https:") return address;
  const url = parseUrl(address);
  const isPlain = url.search === "" || url.search === "?download=1";
  const query = isPlain ? "" : `#query-${createHash("sha256").update(url.search).digest("hex").slice(0, 12)}`;
  return shownUrl(url) + query;
}

function withSlash(url: URL): URL {
  return url.pathname.endsWith("/") ? url : new URL(`${url.href}/`);
}
