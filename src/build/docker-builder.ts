import { describeSavedImage } from "../attest/image-contents.js";
import { buildImage, type BuiltImage as EngineBuild } from "../docker/build-image.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { findOrPullImage } from "../docker/find-image.js";
import { saveImage } from "../docker/save-image.js";
import type { ImagePlan } from "../image/image-plan.js";
import type { BaseImageFacts } from "../image/processor-image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { writeArchive } from "../oci/export-archive.js";
import { hexOf, type OciImage } from "../oci/oci-types.js";
import { readDockerArchive } from "../oci/open-docker-archive.js";
import { findOrBuildBaseImage } from "./build-base-image.js";
import type { BaseRequest, BuildContext } from "./build-request.js";
import { keepContext } from "./context-builder.js";
import type { BuildParts, BuildResult, BuiltImage, FoundBase, ImageBuilder } from "./image-builder.js";

/** Opens a builder for the given engine, or for the default one. */
export async function withDockerBuilder<T>(
  context: BuildContext,
  engine: Engine | null,
  use: (builder: ImageBuilder) => Promise<T>,
): Promise<T> {
  return use(
    new DockerBuilder(context, engine ?? (await connectEngine(context.environment, context.signal))),
  );
}

/** Builds with Docker. The image stays in the engine even if a later step fails. */
class DockerBuilder implements ImageBuilder {
  readonly name = "docker";
  readonly keepsImage = true;
  readonly memo = null;
  readonly #context: BuildContext;
  readonly #engine: Engine;

  constructor(context: BuildContext, engine: Engine) {
    this.#context = context;
    this.#engine = engine;
  }

  get engineName(): string {
    return this.#engine.description;
  }

  /** A base image that the user names must be in the engine or in its registry; the recipe's is built if it is missing. */
  async findBase(base: BaseRequest): Promise<FoundBase> {
    const facts = await this.#baseImage(base);
    const { imageName, imageId } = facts;
    const digest = imageId === null ? {} : { digest: { sha256: hexOf(imageId) } };
    return { facts, inputs: [{ name: imageName, ...digest }], place: null };
  }

  #baseImage({ imageName, ...recipe }: BaseRequest): Promise<BaseImageFacts> {
    const engine = this.#engine;
    const { cacheFolder, progress, signal } = this.#context;
    return imageName === null
      ? findOrBuildBaseImage({ engine, ...recipe, cacheFolder, progress, signal })
      : findOrPullImage({ engine, imageName, progress, signal });
  }

  async build(plan: ImagePlan, { folder, keepsContext }: BuildParts<FoundBase>): Promise<BuildResult> {
    const { progress, signal } = this.#context;
    const image = await buildImage({ engine: this.#engine, plan, progress, signal });
    if (keepsContext) await keepContext(plan, folder);
    return {
      image: new DockerImage(this.#context, this.#engine, image),
      contextFolder: keepsContext ? folder.path : null,
    };
  }
}

class DockerImage implements BuiltImage {
  readonly builtBy = "docker";
  readonly manifestDigest = null;
  readonly #context: BuildContext;
  readonly #engine: Engine;
  readonly #image: EngineBuild;

  constructor(context: BuildContext, engine: Engine, image: EngineBuild) {
    this.#context = context;
    this.#engine = engine;
    this.#image = image;
  }

  get imageId() {
    return this.#image.imageId;
  }

  get sizeBytes() {
    return this.#image.sizeBytes;
  }

  get steps() {
    return this.#image.steps;
  }

  writeArchive(place: { readonly path: string; readonly writtenTo: string }) {
    const { imageName, sizeBytes } = this.#image;
    const { progress, signal } = this.#context;
    const image = saveImage(this.#engine, imageName);
    return writeArchive({ ...place, imageName, image, imageBytes: sizeBytes, progress, signal });
  }

  asOci(cache: BlobCache): Promise<OciImage> {
    return savedImage(this.#engine, this.#image.imageName, { cache, signal: this.#context.signal });
  }

  /** Engines without a manifest store identify an image by its configuration. */
  describe() {
    return describeSavedImage(saveImage(this.#engine, this.#image.imageName), this.#image);
  }

  async load(): Promise<void> {}
}

/** Uploads the output of `docker save`. Skips what the registry already has, and continues interrupted uploads. */
export const savedImage = (
  engine: Engine,
  imageName: string,
  options: { readonly cache: BlobCache; readonly signal: AbortSignal },
): Promise<OciImage> =>
  readDockerArchive(saveImage(engine, imageName), { ...options, archiveName: imageName, imageName });
