import type { BlobCache } from "./blob-cache.js";
import type { ImageConfig } from "./oci-shapes.js";
import type { LayerBlob } from "./oci-types.js";

/** The base that layers are added to: an image's configuration and its layers, gzip-framed, in order. */
export interface BaseImage {
  /** Null for a bare root file system. */
  readonly config: ImageConfig | null;
  readonly layers: readonly LayerBlob[];
  /** `sha256:…`; null for an image that is not from a registry. */
  readonly manifestDigest: string | null;
}

export interface OpenBaseOptions {
  readonly cache: BlobCache;
  readonly signal: AbortSignal;
}
