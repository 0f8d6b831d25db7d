import { createHash } from "node:crypto";
import { flag } from "../../processor/contract/json-check.js";
import { hashing, StreamHash } from "../ground/files/stream-hash.js";
import { mapInLanes } from "../ground/map-in-lanes.js";
import type { ImageLayer, LayerFile } from "../image/image-plan.js";
import { adaptiveGzip, type Trials } from "./adaptive-gzip.js";
import { type BlobCache, type CachedLayer, cachedLayer } from "./blob-cache.js";
import { contentDigest, identify } from "./content-digest.js";
import { compressor } from "./deflate-piece.js";
import { layerTar, withFolders } from "./layer-tar.js";

/** Must be raised when the same files give a layer with different bytes. */
const layerFormat = ({ isLasting = false }: ImageLayer): string =>
  `layer 3 ${compressor}${isLasting ? ", tried often" : ""}`;

export interface MakeLayerOptions {
  readonly cache: BlobCache;
  /** Time of every file in the layer. */
  readonly time: Date;
  readonly signal: AbortSignal;
}

/**
 * Returns a layer of a plan as a gzip-framed tar in the cache. Reuses an earlier layer with the same files.
 *
 * Files are digested only if an earlier layer may have the same contents: a large layer whose paths and sizes are new is
 * made at once, so that its files are read only once.
 */
export async function makeLayer(layer: ImageLayer, options: MakeLayerOptions): Promise<CachedLayer> {
  const { cache, time, signal } = options;
  const trials = layer.isLasting === true ? "often" : "seldom";
  const make = () => frameTar(layerTar(layer.entries, time), cache, signal, trials);
  const before = await layerState(layer, time);
  const known = await cache.recall(before.identityKey, cachedLayer);
  if (known !== null && (await cache.has(known))) return known;
  const isNew = before.unreadBytes > largeBytes && (await cache.recall(before.shapeKey, flag)) === null;
  const made = isNew ? await make() : await cache.layer(await layerKey(layer, cache, time), make);
  if (before.unreadBytes > largeBytes) await cache.remember(before.shapeKey, true);
  const after = await layerState(layer, time);
  if (after.isSettled && after.identityKey === before.identityKey)
    await cache.remember(after.identityKey, made);
  return made;
}

/** How many files are looked at or digested at a time. */
const lanes = 8;

/** Reading less twice takes no time that matters. */
const largeBytes = 32 << 20;

interface LayerState {
  /** The size of the files whose digests are not known. */
  readonly unreadBytes: number;
  /** Covers paths, modes and sizes. */
  readonly shapeKey: string;
  /** Also covers which files they are, with their times, or their digests if those are known anyway. */
  readonly identityKey: string;
  /** False if a file was written so recently that it could change without another time. */
  readonly isSettled: boolean;
}

/** Looks at the files of a layer without reading them. */
async function layerState(layer: ImageLayer, time: Date): Promise<LayerState> {
  const head = [layerFormat(layer), String(Math.floor(time.getTime() / 1000))];
  const shape = ["shape", ...head];
  const identity = ["identity", ...head];
  let isSettled = true;
  let unreadBytes = 0;
  const entries = withFolders(layer.entries);
  const files = await mapInLanes(entries, lanes, async (entry) =>
    entry.kind === "file" ? fileState(entry) : null,
  );
  for (const [i, entry] of entries.entries()) {
    const place = [entry.kind, entry.path, entry.mode];
    const file = files[i] ?? null;
    shape.push(JSON.stringify([...place, file?.size ?? 0]));
    identity.push(JSON.stringify([...place, file?.identity ?? ""]));
    isSettled &&= file?.isSettled ?? true;
    unreadBytes += file?.unreadBytes ?? 0;
  }
  return {
    unreadBytes,
    shapeKey: shape.join("\n"),
    identityKey: identity.join("\n"),
    isSettled,
  };
}

async function fileState({ source }: LayerFile) {
  if ("text" in source) {
    const digest = createHash("sha256").update(source.text).digest("hex");
    return { size: Buffer.byteLength(source.text), identity: digest, unreadBytes: 0, isSettled: true };
  }
  // A file that is written only when it is needed may not exist.
  if (source.known !== undefined)
    return { size: source.known.sha256, identity: source.known.sha256, unreadBytes: 0, isSettled: true };
  const { key, sizeBytes, isSettled } = await identify(source.file);
  return { size: sizeBytes, identity: key, unreadBytes: sizeBytes, isSettled };
}

/** Compresses a tar into the cache and computes both digests on the way, of the tar and of the frame. */
export async function frameTar(
  tar: AsyncIterable<Uint8Array>,
  cache: BlobCache,
  signal: AbortSignal,
  trials: Trials = "seldom",
): Promise<CachedLayer> {
  const diffId = new StreamHash();
  try {
    const blob = await cache.write(adaptiveGzip(hashing(tar, diffId), trials), signal);
    return { ...blob, diffId: `sha256:${await diffId.digest()}` };
  } finally {
    diffId.drop();
  }
}

async function layerKey(layer: ImageLayer, cache: BlobCache, time: Date): Promise<string> {
  const lines = await mapInLanes(withFolders(layer.entries), lanes, async (entry) => {
    const content = entry.kind === "file" ? await contentDigest(entry.source, cache) : "";
    return JSON.stringify([entry.kind, entry.path, entry.mode, content]);
  });
  return [layerFormat(layer), String(Math.floor(time.getTime() / 1000)), ...lines].join("\n");
}
