import { rm } from "node:fs/promises";
import { join } from "node:path";
import { ProcessorError } from "../processor/errors.js";
import type { RuntimeSettings } from "../processor/model/manifest.js";
import type { Target } from "../processor/model/target-file.js";
import type { Progress } from "../processor/progress/progress.js";
import { modelParameters, ownInputs } from "./attest/build-inputs.js";
import { describeOciImage, describeSavedImage } from "./attest/image-contents.js";
import {
  type AttestationSettings,
  type AttestedImage,
  attestImage,
  requireNoAttestation,
} from "./attest-image.js";
import type { ConversionMemo } from "./convert/conversion-memo.js";
import { convertModel } from "./convert-pipeline.js";
import { buildBaseImage } from "./image/base-image/build-base-image.js";
import { debianPython } from "./image/base-image/debian-python.js";
import { readRecipe } from "./image/base-image/recipe.js";
import type { BaseVariant } from "./image/base-image/variants.js";
import { writeBuildContext } from "./image/build-context.js";
import { type BuildFolder, openBuildFolder } from "./image/build-folder.js";
import { type BuiltImage, buildImage } from "./image/docker/build-image.js";
import { connectEngine, type Engine } from "./image/docker/engine.js";
import { findImage, findOrPullImage } from "./image/docker/find-image.js";
import { saveImage } from "./image/docker/save-image.js";
import type { ImagePlan, ImagePlatform } from "./image/image-plan.js";
import { type ModelTarball, requireNoTarball, writeModelTarball } from "./image/model-tarball.js";
import { BlobCache } from "./image/oci/blob-cache.js";
import { hexOf, type OciImage } from "./image/oci/oci-types.js";
import { readDockerArchive } from "./image/oci/open-docker-archive.js";
import { listProcessorFiles, programVersion } from "./image/processor-files.js";
import {
  type BaseImageFacts,
  type ImageDescription,
  modelFiles,
  planProcessorImage,
} from "./image/processor-image-plan.js";
import type { ModelSet } from "./model-source/model-set.js";
import { archiveFileName, type ImageArchive, requireNoArchive, writeArchive } from "./publish/archive.js";
import type { PushedImage } from "./publish/registry/push-image.js";
import { pushToRegistry, type RegistryPush } from "./push-to-registry.js";
import type { RegistrySettings } from "./registry-access.js";
import { checkModelForTarget } from "./targets/check-model.js";

export interface BuildOptions {
  readonly models: ModelSet;
  readonly settings: RuntimeSettings;
  readonly description: Omit<ImageDescription, "processorVersion">;
  /** Bundled hooks that the settings name; null for none. */
  readonly hookFile: string | null;
  /** Where the image will run. */
  readonly target: Target;
  /** Null for the recipe's own, which is built when the engine does not have it. */
  readonly baseImage: string | null;
  /** Whose recipe that is. */
  readonly baseVariant: BaseVariant;
  /** Index of Python packages that CUDA's libraries come from; null for the table's own. */
  readonly pythonIndex: URL | null;
  readonly buildDir: string;
  /** Docker builds for linux/amd64 alone. */
  readonly platform: ImagePlatform;
  readonly keepBuildFiles: boolean;
  /** Where the archive goes; null for none. */
  readonly exportFolder: string | null;
  /** What is told of the image beside the archive and in the registry; null for nothing. */
  readonly attestation: AttestationSettings | null;
  /** Where a platform prescribes it; null for the image's own. */
  readonly archiveName: string | null;
  /** Send the image to the registry in its name. */
  readonly isPushed: boolean;
  readonly registries: RegistrySettings;
  /** `processor.lock.json`, which pins base images from registries; null to pin nothing. */
  readonly lockFile: string | null;
  /** Where the model goes, apart from the image; null for into the image. */
  readonly modelTarball: string | null;
  /** Holds what the base image is made of, for the next time. */
  readonly cacheFolder: string;
  /** Says where the engine is: `DOCKER_HOST` and its like. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
}

export interface BuildReport extends BuiltImage {
  readonly engine: string;
  readonly baseImage: string;
  /** Null when none was asked for. */
  readonly archive: ImageArchive | null;
  /** Null when the image carries its model. */
  readonly modelTarball: ModelTarball | null;
  /** Null when it was not asked for, and for an image that only the engine has. */
  readonly attested: AttestedImage | null;
  /** Null when it was not asked for. */
  readonly pushed: PushedImage | null;
  /** Null when it was removed. */
  readonly buildFolder: string | null;
}

/** What a build without an engine leaves: a context that `docker build` takes elsewhere. */
export interface RenderedBuild {
  readonly imageName: string;
  readonly baseImage: string;
  readonly buildFolder: string;
}

/** The whole build: model → converted folder → image plan → image → archive. */
export async function buildProcessor(options: BuildOptions): Promise<BuildReport> {
  const { environment, progress, signal, keepBuildFiles } = options;
  const archivePath = await freeArchivePath(options);
  const engine = await connectEngine(environment, signal);
  const folder = await openBuildFolder(options.buildDir);
  try {
    const base = await prepareBaseImage(engine, options);
    const { plan, modelTarball } = await planBuild(options, base, folder);
    const image = await buildImage({ engine, plan, progress, ...aborting(signal) });
    if (keepBuildFiles) await keepContext(plan, folder);
    const archive =
      archivePath === null ? null : await exportImage(engine, image, { ...options, archivePath });
    const saved = options.isPushed ? await readSaved(engine, image.imageName, options) : null;
    const push = saved === null ? null : await pushToRegistry(saved, null, options);
    const attested = await attest(options, {
      ...{ engine, base, image, archive, modelTarball, saved, push },
    });
    return {
      ...image,
      engine: engine.description,
      baseImage: base.imageName,
      archive,
      pushed: push?.pushed ?? null,
      attested,
      modelTarball,
      buildFolder: keepBuildFiles ? folder.path : null,
    };
  } finally {
    if (!keepBuildFiles) await folder.remove();
  }
}

/** The same build as far as it goes without an engine: the context, with its Dockerfile, stays in the build folder. */
export async function renderBuild(options: BuildOptions): Promise<RenderedBuild> {
  const { description, baseImage, baseVariant } = options;
  const folder = await openBuildFolder(options.buildDir);
  try {
    const base = { imageName: baseImage ?? (await readRecipe(baseVariant)).imageName, imageId: null };
    const { plan } = await planBuild(options, base, folder);
    await keepContext(plan, folder);
    return { imageName: description.imageName, baseImage: base.imageName, buildFolder: folder.path };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

const convertedName = "converted";

/** The plan of an image, and its model where that lies apart. */
export interface PlannedBuild {
  readonly plan: ImagePlan;
  readonly modelTarball: ModelTarball | null;
}

/**
 * The model converted, and the plan of its image.
 *
 * @param memo knows what unchanged checkpoints become, so that they are converted only when their layer is not there
 */
export async function planBuild(
  options: BuildOptions,
  base: BaseImageFacts,
  folder: BuildFolder,
  memo?: ConversionMemo,
): Promise<PlannedBuild> {
  const { models, settings, description, hookFile, target, platform, cacheFolder, progress, signal } =
    options;
  const outputDir = folder.place(convertedName);
  const converted = await convertModel({
    ...{ models, settings, outputDir, progress, ...aborting(signal) },
    ...(memo === undefined ? {} : { memo }),
  });
  checkModelForTarget(target, converted.manifest);
  if (target.kind === "amos22" && platform !== "linux/amd64")
    throw new ProcessorError("USAGE", "AMOS22 runs images for linux/amd64");
  const pythonFiles =
    target.kind === "amos22" ? await debianPython(cacheFolder, progress, ...(signal ? [signal] : [])) : [];
  const modelTarball =
    options.modelTarball === null
      ? null
      : await writeModelTarball(modelFiles(converted, hookFile), options.modelTarball, signal);
  const plan = planProcessorImage({
    ...{ converted, target, platform, pythonFiles, carriesModel: modelTarball === null },
    description: { ...description, processorVersion: await programVersion() },
    processorFiles: await listProcessorFiles(),
    base,
    hookFile,
  });
  return { plan, modelTarball };
}

/** Leaves the build folder as a context that `docker build` takes; the weights lie in it once. */
async function keepContext(plan: ImagePlan, folder: BuildFolder): Promise<void> {
  await writeBuildContext(plan, folder.place);
  await rm(folder.place(convertedName), { recursive: true });
}

/** The base that was asked for must be there or in its registry; the recipe's own is built. */
async function prepareBaseImage(engine: Engine, options: BuildOptions): Promise<BaseImageFacts> {
  const { baseImage, baseVariant: variant, pythonIndex, cacheFolder, progress, signal } = options;
  const common = { engine, progress, ...aborting(signal) };
  if (baseImage !== null) return findOrPullImage({ ...common, imageName: baseImage });
  const { imageName } = await readRecipe(variant);
  const present = await findImage(engine, imageName);
  return (
    present ??
    buildBaseImage({
      ...common,
      ...{ variant, pythonIndex, cacheFolder, wheelFolder: null, debianRoot: "auto" },
    })
  );
}

/** Refused before the work, not after it, when something is there already. */
export async function freeArchivePath(options: BuildOptions): Promise<string | null> {
  const { exportFolder, archiveName, description, attestation, modelTarball } = options;
  if (modelTarball !== null) await requireNoTarball(modelTarball);
  if (exportFolder === null) return null;
  const path = join(exportFolder, archiveName ?? archiveFileName(description.imageName));
  await requireNoArchive(path);
  if (attestation !== null) await requireNoAttestation(path);
  return path;
}

const exportImage = (
  engine: Engine,
  { imageName, sizeBytes }: BuiltImage,
  { archivePath, progress, signal }: BuildOptions & { readonly archivePath: string },
): Promise<ImageArchive> =>
  writeArchive({
    imageName,
    image: saveImage(engine, imageName),
    imageBytes: sizeBytes,
    path: archivePath,
    progress,
    ...aborting(signal),
  });

interface BuiltParts {
  readonly engine: Engine;
  readonly base: BaseImageFacts;
  readonly image: BuiltImage;
  readonly archive: ImageArchive | null;
  readonly modelTarball: ModelTarball | null;
  /** As it was pushed. */
  readonly saved: OciImage | null;
  readonly push: RegistryPush | null;
}

async function attest(
  options: BuildOptions,
  { engine, base, image, archive, modelTarball, saved, push }: BuiltParts,
): Promise<AttestedImage | null> {
  const { attestation, models, settings, hookFile, cacheFolder, progress, signal } = options;
  if (attestation === null || (archive === null && saved === null)) return null;
  const cache = await BlobCache.open(join(cacheFolder, "layers"));
  const { imageName, imageId } = base;
  const baseInput = { name: imageName, ...(imageId !== null && { digest: { sha256: hexOf(imageId) } }) };
  return await attestImage({
    ...attestation,
    // A registry knows an image by its manifest, an engine without a store of manifests by its configuration.
    image:
      saved === null
        ? await describeSavedImage(saveImage(engine, image.imageName), image)
        : await describeOciImage(saved, cache, signal),
    builder: "docker",
    parameters: { baseImage: imageName, models: modelParameters(models), config: settings },
    inputs: [baseInput, ...(await ownInputs({ models, hookFile, cache, progress }))],
    archive,
    modelTarball,
    pushedTo:
      saved === null || push === null ? null : { client: push.client, manifest: saved.manifest.descriptor },
    progress,
  });
}

/** What `docker save` gives, sent by this program: what the registry has already is skipped, broken uploads go on. */
async function readSaved(engine: Engine, imageName: string, options: BuildOptions): Promise<OciImage> {
  const cache = await BlobCache.open(join(options.cacheFolder, "layers"));
  return await readDockerArchive(saveImage(engine, imageName), {
    archiveName: imageName,
    imageName,
    cache,
    ...aborting(options.signal),
  });
}

/** An option that is absent rather than undefined. */
export const aborting = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal });
