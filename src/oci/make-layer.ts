import { createHash } from "node:crypto";
import type { ImageLayer, LayerEntry } from "../image/image-plan.js";
import { adaptiveGzip } from "./adaptive-gzip.js";
import type { BlobCache, CachedLayer } from "./blob-cache.js";
import { contentDigest } from "./content-digest.js";
import { compressor } from "./deflate-piece.js";
import { layerTar, withFolders } from "./layer-tar.js";

/** Must be raised when the same files give a layer with different bytes. */
const layerFormat = `layer 3 ${compressor}`;

export interface MakeLayerOptions {
  readonly cache: BlobCache;
  /** Time of every file in the layer. */
  readonly time: Date;
  readonly signal: AbortSignal;
}

/**
 * Returns a layer of a plan as a gzip-framed tar in the cache. Reuses an earlier layer with the same files.
 */
export async function makeLayer(layer: ImageLayer, options: MakeLayerOptions): Promise<CachedLayer> {
  const { cache, time, signal } = options;
  const key = await layerKey(layer.entries, cache, time);
  return await cache.layer(key, () => frameTar(layerTar(layer.entries, time), cache, signal));
}

/** Compresses a tar into the cache and computes both digests on the way, of the tar and of the frame. */
export async function frameTar(
  tar: AsyncIterable<Uint8Array>,
  cache: BlobCache,
  signal: AbortSignal,
): Promise<CachedLayer> {
  const diffId = createHash("sha256");
  const blob = await cache.write(adaptiveGzip(hashed(tar, diffId)), signal);
  return { ...blob, diffId: `sha256:${diffId.digest("hex")}` };
}

async function* hashed(bytes: AsyncIterable<Uint8Array>, hash: ReturnType<typeof createHash>) {
  for await (const chunk of bytes) {
    hash.update(chunk);
    yield chunk;
  }
}

async function layerKey(entries: readonly LayerEntry[], cache: BlobCache, time: Date): Promise<string> {
  const lines: string[] = [layerFormat, String(Math.floor(time.getTime() / 1000))];
  for (const entry of withFolders(entries)) {
    const content = entry.kind === "file" ? await contentDigest(entry.source, cache) : "";
    lines.push(JSON.stringify([entry.kind, entry.path, entry.mode, content]));
  }
  return lines.join("\n");
}
