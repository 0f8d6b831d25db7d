import type { Descriptor } from "./oci-shapes.js";

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  gzipLayer: "application/vnd.oci.image.layer.v1.tar+gzip",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
} as const;

/**
 * Returns whether a media type is a gzip layer, in OCI's names, including those with a suffix before `+gzip`,
 * and in Docker's.
 */
export const isGzipLayer = (mediaType: string): boolean => /(\+gzip|\.tar\.gzip)$/.test(mediaType);

/** Longer manifests and configurations are refused, to limit memory. */
export const maxDocumentBytes = 4 << 20;

/** A blob that can be read several times. */
export interface Blob {
  readonly descriptor: Descriptor;
  open(): AsyncIterable<Uint8Array>;
}

/** A gzip-framed layer; `diffId` is the digest of the tar inside. */
export interface LayerBlob extends Blob {
  readonly diffId: string;
}

/** A complete image that can be written to any destination. */
export interface OciImage {
  readonly imageName: string;
  /** `amd64` or `arm64`. */
  readonly architecture: string;
  readonly manifest: Blob;
  readonly config: Blob;
  readonly layers: readonly LayerBlob[];
}

export const hexOf = (digest: string): string => digest.replace(/^sha256:/, "");
