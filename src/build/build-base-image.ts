import { join } from "node:path";
import { ProcessorError } from "../../processor/contract/errors.js";
import type { Progress } from "../../processor/contract/progress/progress.js";
import { makeFolder } from "../../processor/files/make-folder.js";
import { planBaseImage } from "../base-image/base-image-plan.js";
import { cachedDebianRoot } from "../base-image/debian-root.js";
import { npmPackageFiles } from "../base-image/npm-packages.js";
import type { FindIndex } from "../base-image/python-index.js";
import { type BaseImageRecipe, listFiles, readRecipe } from "../base-image/recipe.js";
import type { BasePart, BaseVariant } from "../base-image/variants.js";
import { wheelLayers } from "../base-image/wheel-layers.js";
import { type BuiltImage, buildImage } from "../docker/build-image.js";
import type { Engine } from "../docker/engine.js";
import { type EngineImage, findImage, findOrPullImage } from "../docker/find-image.js";
import { withFileLock } from "../download/file-lock.js";
import { programVersion } from "../ground/files/package-root.js";
import { unwritableCache } from "../ground/files/unwritable-cache.js";
import type { ImageBase } from "../image/image-plan.js";
import { listProcessorFiles } from "../image/processor-files.js";

/** The source of Debian: its image in the engine or in a registry, its packages, or whichever is available. */
export type DebianRootSource = "image" | "packages" | "auto";

export interface BuildBaseImageOptions {
  readonly variant: BaseVariant;
  /** The compute capabilities of the GPUs that the image is for; empty for all that the variant has code for. */
  readonly gpuArchitectures: readonly string[];
  readonly leftOut: readonly BasePart[];
  readonly engine: Engine;
  readonly debianRoot: DebianRootSource;
  /** Default: the name in the recipe. */
  readonly imageName?: string;
  /** A folder with wheels that were downloaded before; null for none. */
  readonly wheelFolder: string | null;
  readonly findIndex: FindIndex;
  /** Keeps what was downloaded for later builds. */
  readonly cacheFolder: string;
  readonly progress: Progress;
  readonly signal: AbortSignal;
}

/**
 * Builds the base image.
 *
 * @throws BASE_IMAGE_MISSING if Debian's image was asked for and cannot be fetched; TOOL_MISSING; IMAGE_BUILD_FAILED;
 * what `wheelLayers` throws
 */
export async function buildBaseImage(options: BuildBaseImageOptions): Promise<BuiltImage> {
  const { engine, cacheFolder, progress, signal } = options;
  const recipe = await readRecipe(options.variant, undefined, options.gpuArchitectures, options.leftOut);
  const task = progress.start({ label: "preparing the base image", total: 4, unit: "steps" });
  try {
    const base = await debianRoot({ ...options, recipe });
    task.advance(1);
    const packageFiles = await npmPackageFiles(recipe, cacheFolder, signal);
    task.advance(1);
    const layers = await wheelLayers(recipe.wheels, {
      cacheFolder,
      progress,
      wheelFolder: options.wheelFolder,
      findIndex: options.findIndex,
      signal,
    });
    task.advance(1);
    const plan = planBaseImage({
      recipe: { ...recipe, imageName: options.imageName ?? recipe.imageName },
      base,
      packageFiles,
      wheelLayers: layers,
      rootFiles: await listFiles(join(recipe.folder, "root")),
      processorFiles: await listProcessorFiles(),
      version: await programVersion(),
    });
    task.advance(1);
    return await buildImage({ engine, plan, progress, signal });
  } finally {
    task.done();
  }
}

/**
 * Finds the recipe's image in the engine, or builds it. If several builds need it at once, one builds it and the others
 * wait, so that all of them use the same base.
 *
 * @throws what `buildBaseImage` throws; OUTPUT_UNWRITABLE for the cache folder
 */
export async function findOrBuildBaseImage(
  options: Omit<BuildBaseImageOptions, "imageName" | "debianRoot" | "wheelFolder">,
): Promise<Pick<EngineImage, "imageName" | "imageId">> {
  const { engine, cacheFolder, progress, signal } = options;
  const { variant, gpuArchitectures, leftOut } = options;
  const { imageName } = await readRecipe(variant, undefined, gpuArchitectures, leftOut);
  const present = await findImage(engine, imageName);
  if (present !== null) return present;
  const folder = join(cacheFolder, "base-image");
  await makeFolder(folder).catch((cause: unknown) => {
    throw unwritableCache(folder, cause);
  });
  return withFileLock(
    join(folder, `${options.variant}.lock`),
    async () =>
      (await findImage(engine, imageName)) ??
      (await buildBaseImage({ ...options, wheelFolder: null, debianRoot: "auto" })),
    {
      signal,
      onWait: () => progress.note(`waiting for another build to finish ${imageName}`),
    },
  );
}

interface DebianRootOptions extends BuildBaseImageOptions {
  readonly recipe: BaseImageRecipe;
}

async function debianRoot(options: DebianRootOptions): Promise<ImageBase> {
  const { engine, debianRoot, recipe, cacheFolder, progress, signal } = options;
  if (debianRoot !== "packages") {
    try {
      const { imageName } = await findOrPullImage({
        engine,
        imageName: recipe.debian.image,
        progress,
        signal,
      });
      return { kind: "image", imageName };
    } catch (error) {
      const isMissing = error instanceof ProcessorError && error.code === "BASE_IMAGE_MISSING";
      if (debianRoot === "image" || !isMissing) throw error;
      progress.note(
        `taking Debian's packages with apt, because the engine cannot pull ${recipe.debian.image}`,
      );
    }
  }
  const archive = await cachedDebianRoot(recipe, { cacheFolder, progress, signal });
  return { kind: "root-file-system", archive };
}
