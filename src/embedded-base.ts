import { basename } from "node:path";
import { type RecipeBase, recipeBase } from "./image/base-image/recipe-base.js";
import type { BaseVariant } from "./image/base-image/variants.js";
import type { BaseImage } from "./image/oci/base-image.js";
import type { BlobCache } from "./image/oci/blob-cache.js";
import { openBase } from "./image/oci/open-base.js";
import type { BaseImageFacts } from "./image/processor-image-plan.js";
import { defaultRetryPolicy } from "./model-source/retry.js";
import { parseImageReference } from "./publish/registry/image-reference.js";
import { type PulledBase, pullBase } from "./publish/registry/pull-base.js";
import { type RegistryAccess, registryClient } from "./registry-access.js";

export interface EmbeddedBaseOptions extends RegistryAccess {
  /** A name in a registry, `docker-archive:FILE` or `oci:FOLDER`; null for the recipe's own, made on the spot. */
  readonly baseImage: string | null;
  /** Whose recipe that is. */
  readonly baseVariant: BaseVariant;
  /** Index of Python packages; null for the table's own. */
  readonly pythonIndex: URL | null;
  readonly cache: BlobCache;
  readonly cacheFolder: string;
}

export interface EmbeddedBase {
  readonly base: BaseImage;
  /** What the image's labels say of it; where a file lies on this machine is no part of an image. */
  readonly facts: BaseImageFacts;
  /** Where the base's layers lie already; null for those of this machine. */
  readonly place: { readonly registry: string; readonly repository: string } | null;
}

/** @throws BASE_IMAGE_MISSING, IMAGE_FILE_INVALID, TOOL_MISSING and what registries answer */
export async function embeddedBase(options: EmbeddedBaseOptions): Promise<EmbeddedBase> {
  const { baseImage, cache, signal } = options;
  if (baseImage === null) {
    const base = await ownBase(options);
    return { base, facts: { imageName: base.imageName, imageId: base.manifestDigest }, place: null };
  }
  if (/^(oci|docker-archive):/.test(baseImage)) {
    const base = await openBase(
      { kind: "image", imageName: baseImage },
      { cache, pull: (imageName) => pull(imageName, options), ...(signal && { signal }) },
    );
    return { base, facts: { imageName: basename(baseImage), imageId: null }, place: null };
  }
  const { registry, repository } = parseImageReference(baseImage);
  const base = await pull(baseImage, options);
  return {
    base,
    facts: { imageName: baseImage, imageId: base.manifestDigest },
    place: { registry, repository },
  };
}

/** One try at Debian's registry: packages from a mirror are the other way, not patience. */
const ownBase = (options: EmbeddedBaseOptions): Promise<RecipeBase> =>
  recipeBase({ ...options, variant: options.baseVariant, pull: (imageName) => pull(imageName, options, 1) });

async function pull(
  imageName: string,
  options: EmbeddedBaseOptions,
  attempts = defaultRetryPolicy.attempts,
): Promise<PulledBase> {
  const { reference, ...place } = parseImageReference(imageName);
  const retry = { ...defaultRetryPolicy, attempts };
  const client = await registryClient(place, options, { mayWrite: false, retry });
  return await pullBase({ client, reference, cache: options.cache });
}
