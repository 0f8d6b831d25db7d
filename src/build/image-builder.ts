import type { DescribedImage } from "../attest/described-image.js";
import type { ResourceDescriptor } from "../attest/provenance.js";
import type { ConversionMemo } from "../convert/conversion-memo.js";
import type { BuildStep } from "../docker/build-log.js";
import type { DigestedFile } from "../ground/files/write-digested.js";
import type { ImagePlan, ImagePlatform } from "../image/image-plan.js";
import type { BaseImageFacts } from "../image/processor-image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import type { OciImage } from "../oci/oci-types.js";
import type { ImageReference } from "../oci/registry/image-reference.js";
import type { BuildFolder } from "./build-folder.js";
import type { BaseRequest } from "./build-request.js";

/** Docker, this program alone (`embedded`), or `context` to write only the build context. */
export type BuilderName = "docker" | "embedded" | "context";

/** Turns a plan into an image. */
export interface ImageBuilder<Base extends FoundBase = FoundBase> {
  readonly name: BuilderName;
  /** The Docker engine that has the finished image; null for none. */
  readonly engineName: string | null;
  /** False if the image is lost unless it goes into an archive or a registry. */
  readonly keepsImage: boolean;
  /** Recalls the layers of unchanged checkpoints; null if the builder needs every file. */
  readonly memo: ConversionMemo | null;
  findBase(base: BaseRequest, platform: ImagePlatform): Promise<Base>;
  build(plan: ImagePlan, parts: BuildParts<Base>): Promise<BuildResult>;
}

/** The base image that a build found. */
export interface FoundBase {
  /** The facts for the image's labels. */
  readonly facts: BaseImageFacts;
  /** The facts for the image's provenance. */
  readonly inputs: readonly ResourceDescriptor[];
  /** The repository that already has the base's layers; null if only this machine has them. */
  readonly place: Pick<ImageReference, "registry" | "repository"> | null;
}

export interface BuildParts<Base> {
  readonly base: Base;
  /** Holds the converted model. */
  readonly folder: BuildFolder;
  /** True to leave the build context in the folder. */
  readonly keepsContext: boolean;
  /** The creation time to write into a reproducible image. */
  readonly created: Date;
}

export interface BuildResult {
  /** Null if only the context was written. */
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
  writeArchive(place: ArchivePlace): Promise<DigestedFile>;
  /** Returns the image with its layers in the cache, to push or compare it. */
  asOci(cache: BlobCache): Promise<OciImage>;
  /** Describes the contents of the image for its documents. */
  describe(cache: BlobCache): Promise<DescribedImage>;
  /** Loads the image into the builder's engine, unless the engine already has it. */
  load(): Promise<void>;
}

export interface ArchivePlace {
  readonly path: string;
  /** The path at which the file is written before the whole build is done. */
  readonly writtenTo: string;
}
