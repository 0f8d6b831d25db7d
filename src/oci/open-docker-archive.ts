import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { counted } from "../../processor/contract/counted.js";
import type { ProcessorError } from "../../processor/contract/errors.js";
import { type Checked, type JsonCheck, listOf, record } from "../../processor/contract/json-check.js";
import { parseChecked } from "../../processor/contract/parse-checked.js";
import { regularFileBytes, unreadable } from "../../processor/files/read-text-file.js";
import { isDamagedTar, readTar, type TarEntry, TarError } from "../../processor/files/tar/read-tar.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { ArchiveLimits } from "./archive-limits.js";
import { imageOf } from "./assemble-image.js";
import type { BaseImage, OpenBaseOptions } from "./base-image.js";
import { type CachedBlob, type CachedLayer, cachedLayer } from "./blob-cache.js";
import { compressor } from "./deflate-piece.js";
import { bytesBlob, textOf } from "./document-blob.js";
import { gunzipped } from "./gunzipped.js";
import { cachedLayerBlob } from "./layer-blob.js";
import { frameTar } from "./make-layer.js";
import { type ArchiveManifestEntry, archiveManifestShape, configShape } from "./oci-shapes.js";
import { maxDocumentBytes, mediaTypes, type OciImage } from "./oci-types.js";

const archiveFormat = `docker archive 3 ${compressor}`;

const archiveParts = record({ config: configShape, layers: listOf(cachedLayer) });

type ArchiveParts = Checked<typeof archiveParts>;

/**
 * Opens the only image in a file of `docker save`, `.tar` or `.tar.gz`. Reads the file once, in order. Stores
 * the layers in the cache and compresses those that are bare tars.
 *
 * @throws IMAGE_FILE_INVALID
 */
export async function openDockerArchive(path: string, options: OpenBaseOptions): Promise<BaseImage> {
  const { cache } = options;
  const key = `${archiveFormat} ${await identityOf(path)}`;
  const known = await cache.recall(key, archiveParts);
  const isWhole =
    known !== null && (await Promise.all(known.layers.map((layer) => cache.has(layer)))).every(Boolean);
  const parts = isWhole ? known : await readFileOnce(path, key, options);
  const layers = parts.layers.map((layer) => cachedLayerBlob(layer, cache));
  return { manifestDigest: null, config: parts.config, layers };
}

async function readFileOnce(path: string, key: string, options: OpenBaseOptions): Promise<ArchiveParts> {
  const { config, layers } = await readArchive(archiveBytes(path), path, options);
  await options.cache.remember(key, { config, layers });
  return { config, layers };
}

async function identityOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [path, dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (cause) {
    throw invalid(path, "it can't be read", cause);
  }
}

export interface ReadDockerArchiveOptions extends OpenBaseOptions {
  /** Name of the archive, for messages. */
  readonly archiveName: string;
  readonly imageName: string;
}

/**
 * Reads the only image in a stream of `docker save` into a form that can be pushed, with the same
 * configuration and layers. Layers that are bare tars are compressed.
 *
 * @throws IMAGE_FILE_INVALID
 */
export async function readDockerArchive(
  tar: AsyncIterable<Uint8Array>,
  options: ReadDockerArchiveOptions,
): Promise<OciImage> {
  const { archiveName, imageName, cache } = options;
  const { config, configText, layers } = await readArchive(tar, archiveName, options);
  return imageOf({
    imageName,
    architecture: config.architecture,
    config: bytesBlob(mediaTypes.config, Buffer.from(configText)),
    layers: layers.map((layer) => cachedLayerBlob(layer, cache)),
  });
}

async function readArchive(
  tar: AsyncIterable<Uint8Array>,
  path: string,
  options: OpenBaseOptions,
): Promise<ArchiveParts & { readonly configText: string }> {
  const documents = new Map<string, string>();
  const layers = new Map<string, CachedBlob & { readonly diffId: string | null }>();
  const links = new Map<string, string>();
  const limits = new ArchiveLimits();
  try {
    for await (const entry of readTar(tar)) {
      limits.addEntry();
      const name = posix.normalize(entry.path);
      if (entry.kind === "symlink") links.set(name, posix.join(posix.dirname(name), entry.linkTarget));
      else if (entry.kind === "link") links.set(name, posix.normalize(entry.linkTarget));
      else if (entry.kind === "file") await takeFile(entry, name, { documents, layers, limits, options });
    }
  } catch (error) {
    options.signal.throwIfAborted();
    if (isDamagedTar(error)) throw invalid(path, error.message, error);
    throw error;
  }
  const entry = onlyEntry(path, documents.get("manifest.json"));
  const configText = documents.get(posix.normalize(entry.Config)) ?? "";
  const config = parse(path, configShape, configText || undefined, entry.Config);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== entry.Layers.length)
    throw invalid(
      path,
      `${counted(entry.Layers.length, "layer")}, but ${diffIds.length} in the configuration`,
    );
  return {
    config,
    configText,
    layers: entry.Layers.map((name, i) => {
      const place = posix.normalize(name);
      const blob = layers.get(links.get(place) ?? place);
      if (blob === undefined) throw invalid(path, `the layer ${name} is missing`);
      if (blob.diffId !== null && blob.diffId !== diffIds[i])
        throw invalid(path, `the layer ${name} is not the one that the configuration names`);
      return { digest: blob.digest, size: blob.size, diffId: diffIds[i]! };
    }),
  };
}

interface Gathered {
  readonly documents: Map<string, string>;
  readonly layers: Map<string, CachedBlob & { readonly diffId: string | null }>;
  readonly limits: ArchiveLimits;
  readonly options: OpenBaseOptions;
}

async function takeFile(
  entry: TarEntry,
  name: string,
  { documents, layers, limits, options }: Gathered,
): Promise<void> {
  const { cache, signal } = options;
  const chunks = entry.bytes[Symbol.asyncIterator]();
  const { value: first = new Uint8Array() } = (await chunks.next()) as { value?: Uint8Array };
  const bytes = chained(first, chunks);
  const isJson = first[0] === 0x7b || first[0] === 0x5b;
  if (isJson && entry.sizeBytes <= maxDocumentBytes) {
    limits.addDocument(entry.sizeBytes);
    documents.set(name, await textOf(bytes));
  } else if (first[0] === 0x1f && first[1] === 0x8b)
    layers.set(name, { ...(await cache.write(bytes, signal)), diffId: null });
  else if (entry.sizeBytes >= 512) layers.set(name, await framedOnce(name, bytes, options));
}

/**
 * Compresses a bare layer once, if the engine names it by its digest. Later only compares its bytes with that
 * digest.
 */
async function framedOnce(
  name: string,
  tar: AsyncIterable<Uint8Array>,
  { cache, signal }: OpenBaseOptions,
): Promise<CachedLayer> {
  const [, hex] = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name) ?? [];
  if (hex === undefined) return await frameTar(tar, cache, signal);
  let isNew = false;
  const layer = await cache.layer(`framed 2 ${compressor} sha256:${hex}`, async () => {
    isNew = true;
    return await frameTar(tar, cache, signal);
  });
  const diffId = isNew ? layer.diffId : await digestOf(tar);
  if (diffId !== `sha256:${hex}`) throw new TarError(`the layer ${name} is not what its name says`);
  return layer;
}

async function digestOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of bytes) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}

async function* chained(first: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

/** Yields the tar, decompressed if it is gzip. */
export async function* archiveBytes(path: string): AsyncGenerator<Uint8Array> {
  const chunks = regularFileBytes(path);
  const first = await chunks.next().catch((cause: unknown) => {
    throw invalid(path, unreadable(cause), cause);
  });
  if (first.done === true) return;
  const whole = chained(first.value, chunks);
  if (first.value[0] === 0x1f && first.value[1] === 0x8b) yield* gunzipped(Readable.from(whole));
  else yield* whole;
}

function onlyEntry(path: string, text: string | undefined): ArchiveManifestEntry {
  const [entry, second] = parse(path, archiveManifestShape, text, "manifest.json");
  if (entry === undefined || second !== undefined)
    throw invalid(path, "manifest.json does not name exactly one image");
  return entry;
}

function parse<T>(path: string, shape: JsonCheck<T>, text: string | undefined, name: string): T {
  if (text === undefined) throw invalid(path, `no ${name} in it`);
  return parseChecked(text, shape, (reason, cause) => invalid(path, `${name} ${reason}`, cause));
}

const invalid = (path: string, what: string, cause?: unknown): ProcessorError =>
  builderError("IMAGE_FILE_INVALID", `${path}: ${what}`, { cause });
