import type { DescribedImage } from "../attest/described-image.js";
import type { ResourceDescriptor } from "../attest/provenance.js";
import type { ConversionMemo } from "../convert/conversion-memo.js";
import type { BuildStep } from "../docker/build-log.js";
import type { ImagePlan, ImagePlatform } from "../image/image-plan.js";
import type { BaseImageFacts } from "../image/processor-image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import type { ImageArchive } from "../oci/export-archive.js";
import type { OciImage } from "../oci/oci-types.js";
import type { ImageReference } from "../oci/registry/image-reference.js";
import type { BuildFolder } from "./build-folder.js";
import type { BaseRequest } from "./build-request.js";

/** Docker, this program alone, or nobody: then only the build context is written. */
export type BuilderName = "docker" | "embedded" | "context";

/** Turns a plan into an image. */
export interface ImageBuilder<Base extends FoundBase = FoundBase> {
  readonly name: BuilderName;
  /** The Docker engine that has the image at the end; null for none. */
  readonly engineName: string | null;
  /** False if the image is lost when it goes neither into an archive nor into a registry. */
  readonly keepsImage: boolean;
  /** Knows the layers of unchanged checkpoints; null if the builder needs every file. */
  readonly memo: ConversionMemo | null;
  findBase(base: BaseRequest, platform: ImagePlatform): Promise<Base>;
  build(plan: ImagePlan, parts: BuildParts<Base>): Promise<BuildResult>;
}

/** The base that an image is laid on. */
export interface FoundBase {
  /** What the image's labels say about it. */
  readonly facts: BaseImageFacts;
  /** What its provenance says about it. */
  readonly inputs: readonly ResourceDescriptor[];
  /** Where the base's layers are already; null for those of this machine. */
  readonly place: Pick<ImageReference, "registry" | "repository"> | null;
}

export interface BuildParts<Base> {
  readonly base: Base;
  /** Holds the converted model. */
  readonly folder: BuildFolder;
  /** True to leave the build context in the folder as well. */
  readonly keepsContext: boolean;
  /** The time that a reproducible image says it was made. */
  readonly created: Date;
}

export interface BuildResult {
  /** Null where only the context was written. */
  readonly image: BuiltImage | null;
  /** The folder that `docker build` takes; null if it was not kept. */
  readonly contextFolder: string | null;
}

/** A finished image, wherever it is. */
export interface BuiltImage {
  readonly builtBy: "docker" | "embedded";
  /** The digest of the configuration. */
  readonly imageId: string;
  /** Null for an image that Docker built: it has none until it is pushed. */
  readonly manifestDigest: string | null;
  readonly sizeBytes: number;
  /** The steps of Docker's builder; empty for this program's own. */
  readonly steps: readonly BuildStep[];
  writeArchive(place: ArchivePlace): Promise<ImageArchive>;
  /** The image with its layers in the cache, to be sent or compared. */
  asOci(cache: BlobCache): Promise<OciImage>;
  /** What the image holds, for its documents. */
  describe(cache: BlobCache): Promise<DescribedImage>;
  /** Puts the image into the builder's engine, if it is not there yet. */
  load(): Promise<void>;
}

export interface ArchivePlace {
  readonly path: string;
  /** Where the file is written until the whole build is done. */
  readonly writtenTo: string;
}
