import { basename } from "node:path";
import type { FindIndex } from "../base-image/python-index.js";
import { readRecipe } from "../base-image/recipe.js";
import { type RecipeBase, recipeBase } from "../base-image/recipe-base.js";
import type { BasePart, BaseVariant } from "../base-image/variants.js";
import { lockBase, readLockedBase } from "../download/lock-file.js";
import { defaultRetryPolicy } from "../download/retry.js";
import { builderError } from "../ground/errors/builder-errors.js";
import { architectureOf, type ImagePlatform } from "../image/image-plan.js";
import type { BaseImageFacts } from "../image/processor-image-plan.js";
import type { BaseImage } from "../oci/base-image.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { openBase } from "../oci/open-base.js";
import { parseImageReference } from "../oci/registry/image-reference.js";
import { type PulledBase, pullBase } from "../oci/registry/pull-base.js";
import { type RegistryAccess, registryClient } from "../oci/registry/registry-access.js";

export interface EmbeddedBaseOptions extends RegistryAccess {
  /** A name in a registry, `docker-archive:FILE` or `oci:FOLDER`; null to assemble the recipe's base image. */
  readonly baseImage: string | null;
  readonly platform: ImagePlatform;
  /** The variant of the recipe. */
  readonly baseVariant: BaseVariant;
  /** The compute capabilities of the GPUs that the image is for; empty for all that the variant has code for. */
  readonly gpuArchitectures: readonly string[];
  readonly leftOut: readonly BasePart[];
  readonly findIndex: FindIndex;
  readonly cache: BlobCache;
  readonly cacheFolder: string;
  /** `processor.lock.json`; null to lock nothing. */
  readonly lockFile: string | null;
}

export interface EmbeddedBase {
  readonly base: BaseImage;
  /** The facts for the image's labels. They never contain a path of this machine. */
  readonly facts: BaseImageFacts;
  /** The repository that already has the base's layers; null if only this machine has them. */
  readonly place: { readonly registry: string; readonly repository: string } | null;
}

/** @throws BASE_IMAGE_MISSING, IMAGE_FILE_INVALID, TOOL_MISSING and the errors of registries */
export async function embeddedBase(options: EmbeddedBaseOptions): Promise<EmbeddedBase> {
  const found = await findBase(options);
  const { architecture = architectureOf(options.platform) } = found.base.config ?? {};
  if (architecture === architectureOf(options.platform)) return found;
  throw builderError(
    "BASE_IMAGE_MISSING",
    `${options.baseImage ?? found.facts.imageName} is for linux/${architecture}, not ${options.platform}`,
  );
}

async function findBase(options: EmbeddedBaseOptions): Promise<EmbeddedBase> {
  const { baseImage, cache, signal } = options;
  if (baseImage === null) {
    const base = await ownBase(options);
    return { base, facts: { imageName: base.imageName, imageId: base.manifestDigest }, place: null };
  }
  if (/^(oci|docker-archive):/.test(baseImage)) {
    const base = await openBase(
      { kind: "image", imageName: baseImage },
      {
        cache,
        platform: options.platform,
        pull: (imageName) => pull(imageName, options),
        signal,
      },
    );
    return { base, facts: { imageName: basename(baseImage), imageId: null }, place: null };
  }
  const { registry, repository } = parseImageReference(baseImage);
  const base = await lockedPull(baseImage, options);
  return {
    base,
    facts: { imageName: baseImage, imageId: base.manifestDigest },
    place: { registry, repository },
  };
}

/** Pulls Debian by the locked digest, because its tag moves with every update. */
async function ownBase(options: EmbeddedBaseOptions): Promise<RecipeBase> {
  const { lockFile } = options;
  const { baseVariant, platform, gpuArchitectures, leftOut } = options;
  const { debian } = await readRecipe(baseVariant, platform, gpuArchitectures, leftOut);
  const locked = lockFile === null ? null : await readLockedBase(lockFile, debian.image);
  const base = await recipeBase({
    ...options,
    variant: options.baseVariant,
    debianDigest: locked,
    // Without a locked digest, one attempt is enough: Debian's packages from a mirror are the alternative.
    pull: (imageName) => pull(imageName, options, locked === null ? 1 : undefined),
  });
  if (lockFile !== null && base.debianDigest !== null)
    await lockBase({ lockFile, signal: options.signal }, debian.image, base.debianDigest);
  return base;
}

/** Locks a base image's digest at the first build, and refuses another digest later. */
async function lockedPull(imageName: string, options: EmbeddedBaseOptions): Promise<PulledBase> {
  const { lockFile } = options;
  const base = await pull(imageName, options);
  if (lockFile === null || imageName.includes("@")) return base;
  const locked = await readLockedBase(lockFile, imageName);
  if (locked !== null && locked !== base.digest)
    throw builderError(
      "BASE_IMAGE_CHANGED",
      `${imageName} is ${base.digest} now, and ${locked} in ${lockFile}`,
    );
  await lockBase({ lockFile, signal: options.signal }, imageName, base.digest);
  return base;
}

async function pull(
  imageName: string,
  options: EmbeddedBaseOptions,
  attempts = defaultRetryPolicy.attempts,
): Promise<PulledBase> {
  const { reference, ...place } = parseImageReference(imageName);
  const retry = { ...defaultRetryPolicy, attempts };
  const client = await registryClient(place, options, { mayWrite: false, retry });
  return await pullBase({ client, reference, platform: options.platform, cache: options.cache });
}
