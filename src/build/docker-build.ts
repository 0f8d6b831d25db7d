import { rm } from "node:fs/promises";
import { type AttestationSettings, type AttestedImage, attestImage } from "../attest/attest-image.js";
import { modelParameters, ownInputs } from "../attest/build-inputs.js";
import { describeOciImage, describeSavedImage } from "../attest/image-contents.js";
import { readRecipe } from "../base-image/recipe.js";
import { writeBuildContext } from "../docker/build-context.js";
import { type BuiltImage, buildImage } from "../docker/build-image.js";
import { connectEngine, type Engine } from "../docker/engine.js";
import { findOrPullImage } from "../docker/find-image.js";
import { saveImage } from "../docker/save-image.js";
import { allOrNothing, type StageFile } from "../files/all-or-nothing.js";
import type { ImagePlan } from "../image/image-plan.js";
import type { BaseImageFacts } from "../image/processor-image-plan.js";
import type { BlobCache } from "../oci/blob-cache.js";
import { type ImageArchive, writeArchive } from "../oci/export-archive.js";
import { withLayerCache } from "../oci/layer-cache.js";
import { hexOf, type OciImage } from "../oci/oci-types.js";
import { readDockerArchive } from "../oci/open-docker-archive.js";
import type { PushedImage } from "../oci/registry/push-image.js";
import { checkRegistry, pushToRegistry, type RegistryPush } from "../oci/registry/push-to-registry.js";
import { findOrBuildBaseImage } from "./build-base-image.js";
import { type BuildFolder, openBuildFolder } from "./build-folder.js";
import { aborting, type BuildOptions, freeArchivePath, layerCache } from "./build-options.js";
import type { ModelTarball } from "./model-tarball.js";
import { convertedName, planBuild } from "./plan-build.js";

export interface BuildReport extends BuiltImage {
  readonly engine: string;
  /** All labels of the image. */
  readonly labels: Readonly<Record<string, string>>;
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

/**
 * The whole build: model → converted folder → image plan → image → archive. One that fails leaves no file; the image stays
 * in the engine.
 */
export const buildProcessor = (options: BuildOptions): Promise<BuildReport> =>
  allOrNothing(options.existing, (stage) => buildWithEngine(options, stage));

async function buildWithEngine(options: BuildOptions, stage: StageFile): Promise<BuildReport> {
  const { environment, progress, signal, keepBuildFiles } = options;
  const archivePath = await freeArchivePath(options);
  if (options.isPushed) await checkRegistry(options.description.imageName, options);
  const engine = await connectEngine(environment, signal);
  const folder = await openBuildFolder(options.buildDir);
  try {
    const base = await prepareBaseImage(engine, options);
    const { plan, modelTarball } = await planBuild(options, { base, folder, stage });
    const image = await buildImage({ engine, plan, progress, ...aborting(signal) });
    if (keepBuildFiles) await keepContext(plan, folder);
    const archive =
      archivePath === null
        ? null
        : await exportImage(engine, image, {
            ...options,
            archivePath,
            writtenTo: stage(archivePath, "last"),
          });
    const built = { engine, base, image, archive, modelTarball, stage };
    const { push, attested } = await publish(built, options);
    return {
      ...image,
      engine: engine.description,
      labels: plan.labels,
      baseImage: base.imageName,
      archive,
      pushed: push?.pushed ?? null,
      attested,
      modelTarball,
      buildFolder: keepBuildFiles ? folder.path : null,
    };
  } finally {
    await (keepBuildFiles ? folder.keep() : folder.remove());
  }
}

/** The same build as far as it goes without an engine: the context, with its Dockerfile, stays in the build folder. */
export const renderBuild = (options: BuildOptions): Promise<RenderedBuild> =>
  allOrNothing(options.existing, (stage) => renderContext(options, stage));

async function renderContext(options: BuildOptions, stage: StageFile): Promise<RenderedBuild> {
  const { description, baseImage, baseVariant } = options;
  const folder = await openBuildFolder(options.buildDir);
  try {
    const base = { imageName: baseImage ?? (await readRecipe(baseVariant)).imageName, imageId: null };
    const { plan } = await planBuild(options, { base, folder, stage });
    await keepContext(plan, folder);
    await folder.keep();
    return { imageName: description.imageName, baseImage: base.imageName, buildFolder: folder.path };
  } catch (error) {
    await folder.remove();
    throw error;
  }
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
  return findOrBuildBaseImage({ ...common, variant, pythonIndex, cacheFolder });
}

const exportImage = (
  engine: Engine,
  { imageName, sizeBytes }: BuiltImage,
  {
    archivePath,
    writtenTo,
    progress,
    signal,
  }: BuildOptions & { readonly archivePath: string; readonly writtenTo: string },
): Promise<ImageArchive> =>
  writeArchive({
    imageName,
    image: saveImage(engine, imageName),
    imageBytes: sizeBytes,
    ...{ path: archivePath, writtenTo, progress },
    ...aborting(signal),
  });

interface BuiltParts {
  readonly engine: Engine;
  readonly base: BaseImageFacts;
  readonly image: BuiltImage;
  readonly archive: ImageArchive | null;
  readonly modelTarball: ModelTarball | null;
  readonly stage: StageFile;
}

interface Published {
  readonly push: RegistryPush | null;
  readonly attested: AttestedImage | null;
}

/** Sends the image to its registry and tells what is in it, as far as either was asked for. */
async function publish(built: BuiltParts, options: BuildOptions): Promise<Published> {
  const { engine, image, archive } = built;
  const { attestation, isPushed } = options;
  if (!isPushed && (attestation === null || archive === null)) return { push: null, attested: null };
  return await withLayerCache(layerCache(options), async (cache) => {
    const saved = isPushed ? await readSaved(engine, image.imageName, { cache, options }) : null;
    const push = saved === null ? null : await pushToRegistry(saved, null, options);
    const sent = { ...built, cache, saved, push };
    return { push, attested: attestation === null ? null : await attest(sent, { ...options, attestation }) };
  });
}

interface SentParts extends BuiltParts {
  readonly cache: BlobCache;
  /** As it was pushed. */
  readonly saved: OciImage | null;
  readonly push: RegistryPush | null;
}

async function attest(
  { engine, base, image, archive, modelTarball, cache, saved, push, stage }: SentParts,
  options: BuildOptions & { readonly attestation: AttestationSettings },
): Promise<AttestedImage> {
  const { attestation, models, settings, hookFile, progress, signal } = options;
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
    ...{ progress, stage },
  });
}

/** What `docker save` gives, sent by this program: what the registry has already is skipped, broken uploads go on. */
const readSaved = (
  engine: Engine,
  imageName: string,
  { cache, options }: { readonly cache: BlobCache; readonly options: BuildOptions },
): Promise<OciImage> =>
  readDockerArchive(saveImage(engine, imageName), {
    archiveName: imageName,
    ...{ imageName, cache, ...aborting(options.signal) },
  });
