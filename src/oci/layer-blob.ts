import type { BlobCache, CachedLayer } from "./blob-cache.js";
import { type LayerBlob, mediaTypes } from "./oci-types.js";

/** Returns a cached layer as a part of an image. */
export const cachedLayerBlob = ({ digest, size, diffId }: CachedLayer, cache: BlobCache): LayerBlob => ({
  descriptor: { mediaType: mediaTypes.gzipLayer, digest, size },
  diffId,
  open: () => cache.read(digest),
});
