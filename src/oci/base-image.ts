import type { BlobCache } from "./blob-cache.js";
import type { ImageConfig, LayerBlob } from "./oci-types.js";

/** What layers are laid on: an image's configuration and its layers, gzip-framed, in order. */
export interface BaseImage {
  /** Null for a bare root file system. */
  readonly config: ImageConfig | null;
  readonly layers: readonly LayerBlob[];
  /** `sha256:…`; absent when it does not come from a registry. */
  readonly manifestDigest?: string;
}

export interface OpenBaseOptions {
  readonly cache: BlobCache;
  readonly signal?: AbortSignal;
}
