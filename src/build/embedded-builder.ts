import { baseInputs } from "../attest/build-inputs.js";
import { describeOciImage } from "../attest/image-contents.js";
import type { ConversionMemo } from "../convert/conversion-memo.js";
import type { Engine } from "../docker/engine.js";
import { loadImage } from "../docker/load-image.js";
import type { ImagePlan, ImagePlatform } from "../image/image-plan.js";
import { assembleImage } from "../oci/assemble-image.js";
import type { BaseImage } from "../oci/base-image.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { withLayerCache } from "../oci/layer-cache.js";
import type { OciImage } from "../oci/oci-types.js";
import { writeDockerArchive } from "../oci/write-image.js";
import type { BaseRequest, BuildContext } from "./build-request.js";
import { embeddedBase } from "./embedded-base.js";
import type {
  ArchivePlace,
  BuildParts,
  BuildResult,
  BuiltImage,
  FoundBase,
  ImageBuilder,
} from "./image-builder.js";
import { layerCache } from "./layer-cache-options.js";

/**
 * Opens an embedded builder with its cache of layers.
 *
 * @param engine gets the finished image; null for none
 */
export const withEmbeddedBuilder = <T>(
  context: BuildContext,
  engine: Engine | null,
  use: (builder: ImageBuilder<EmbeddedFoundBase>) => Promise<T>,
): Promise<T> =>
  withLayerCache(layerCache(context), (cache) => use(new EmbeddedBuilder(context, cache, engine)));

export interface EmbeddedFoundBase extends FoundBase {
  readonly base: BaseImage;
}

/**
 * Assembles the image without Docker. The same inputs give the same digest, because all times in the image come from the
 * description.
 */
class EmbeddedBuilder implements ImageBuilder<EmbeddedFoundBase> {
  readonly name = "embedded";
  readonly #context: BuildContext;
  readonly #cache: BlobCache;
  readonly #engine: Engine | null;

  constructor(context: BuildContext, cache: BlobCache, engine: Engine | null) {
    this.#context = context;
    this.#cache = cache;
    this.#engine = engine;
  }

  get engineName(): string | null {
    return this.#engine?.description ?? null;
  }

  get keepsImage(): boolean {
    return this.#engine !== null;
  }

  get memo(): ConversionMemo {
    return this.#cache;
  }

  async findBase(
    { imageName, variant, gpuArchitectures, leftOut, findIndex }: BaseRequest,
    platform: ImagePlatform,
  ): Promise<EmbeddedFoundBase> {
    const found = await embeddedBase({
      ...this.#context,
      baseImage: imageName,
      baseVariant: variant,
      gpuArchitectures,
      leftOut,
      findIndex,
      platform,
      cache: this.#cache,
    });
    return { ...found, inputs: baseInputs(found.facts.imageName, found.base) };
  }

  async build(plan: ImagePlan, { base, created }: BuildParts<EmbeddedFoundBase>): Promise<BuildResult> {
    const { signal } = this.#context;
    const image = await assembleImage({ plan, base: base.base, cache: this.#cache, time: created, signal });
    return { image: new EmbeddedImage(this.#context, image, this.#engine), contextFolder: null };
  }
}

class EmbeddedImage implements BuiltImage {
  readonly builtBy = "embedded";
  readonly steps = [];
  readonly #context: BuildContext;
  readonly #image: OciImage;
  readonly #engine: Engine | null;

  constructor(context: BuildContext, image: OciImage, engine: Engine | null) {
    this.#context = context;
    this.#image = image;
    this.#engine = engine;
  }

  get imageId(): string {
    return this.#image.config.descriptor.digest;
  }

  get manifestDigest(): string {
    return this.#image.manifest.descriptor.digest;
  }

  /** The compressed size of all layers. */
  get sizeBytes(): number {
    return this.#image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0);
  }

  writeArchive(place: ArchivePlace) {
    const { progress, signal } = this.#context;
    return writeDockerArchive({ ...place, image: this.#image, progress, signal });
  }

  async asOci(): Promise<OciImage> {
    return this.#image;
  }

  describe(cache: BlobCache) {
    return describeOciImage(this.#image, cache, this.#context.signal);
  }

  async load(): Promise<void> {
    if (this.#engine !== null) await loadImage(this.#engine, this.#image, this.#context.signal);
  }
}
