import { join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { Target } from "../../processor/contract/target.js";
import { exists } from "../../processor/files/exists.js";
import type { AttestationSettings } from "../attest/attest-image.js";
import { readSigningKey } from "../attest/signing-key.js";
import { isBasePart, isOwnPart } from "../base-image/image-parts.js";
import { choosePartsToLeaveOut, type PartsWish } from "../base-image/parts.js";
import { indexFinder } from "../base-image/python-index.js";
import { type BasePart, type BaseVariant, chooseVariant, licencesOf } from "../base-image/variants.js";
import { completeConfig, type ProcessorConfig } from "../config/config.js";
import { hookModuleName, withBundledHook } from "../config/hook-bundle.js";
import { imageNameOf } from "../config/image-name.js";
import { loadConfig } from "../config/load-config.js";
import type { TargetConfig } from "../config/target-config.js";
import { lockFileNextTo } from "../download/lock-file.js";
import { trimmedEnd } from "../ground/untrusted/trimmed-end.js";
import { layerFileTime } from "../image/image-plan.js";
import { cacheFolder, cacheLimitBytes } from "../model-source/cache-folder.js";
import { modelInfo } from "../model-source/model-registry.js";
import type { ModelSet } from "../models/model-set.js";
import { modelsOf } from "../models/models-of-config.js";
import { pretrainedName } from "../models/obtain-model.js";
import { taskOf } from "../models/obtain-models.js";
import type { WorkContext } from "../models/work-context.js";
import { archiveFileName } from "../oci/export-archive.js";
import {
  allPlatforms,
  archiveNameFromConfig,
  imageNameFromConfig,
  platformOf,
  targetFromConfig,
} from "../targets/targets.js";
import type { BuildContext, BuildRequest, ImageRequest, OutputRequest } from "./build-request.js";
import type { BuildWishes } from "./build-wishes.js";
import { type BuilderChoice, chooseBuilder } from "./choose-builder.js";
import { imageTexts, refuseModelWishes } from "./image-without-model.js";

export interface ChosenBuild {
  readonly choice: BuilderChoice;
  readonly request: BuildRequest;
}

/**
 * Resolves and checks all inputs of a build from a caller's choices and config.json, then calls `use`. The bundled hooks
 * are deleted when `use` returns.
 *
 * @throws CONFIG_INVALID, USAGE, HOOK_INVALID; what finding the models and connecting the engine throws
 */
export async function withBuildRequest<T>(
  wishes: BuildWishes,
  surroundings: WorkContext,
  use: (build: ChosenBuild) => Promise<T>,
): Promise<T> {
  const { currentDirectory } = surroundings;
  const configFile = resolve(currentDirectory, wishes.configFile ?? "config.json");
  const work = { ...surroundings, lockFile: lockFileNextTo(configFile) };
  const config = await configOf(configFile, wishes);
  const attestation = await attestationOf(wishes, config, work);
  const destination = destinationOf(wishes, config);
  if (wishes.isForAnyModel) refuseModelWishes(wishes, { config, target: destination.target.kind });
  const models = wishes.isForAnyModel
    ? null
    : await modelsOf(wishes.models, config, work, wishes.settings.applyTo(config.settings));
  const choice = await chooseBuilder(
    {
      builder: wishes.builder,
      platform: wishes.image.platform,
      isKeptElsewhere: wishes.outputs.archiveFormat !== null || wishes.outputs.isPushed,
      baseImage: wishes.base.imageName,
      isContextKept: wishes.outputs.keepsBuildFiles,
    },
    work,
  );
  const found = { wishes, config, work, destination, models, choice, attestation };
  const hookFile = wishes.hookFile === null ? null : resolve(currentDirectory, wishes.hookFile);
  return withBundledHook(hookFile, async (hookModule) =>
    use({ choice, request: await requestOf(found, hookModule) }),
  );
}

/** Reads config.json. It must exist if the caller named it; the default file may be absent. */
async function configOf(path: string, { configFile, task }: BuildWishes): Promise<ProcessorConfig> {
  const isAbsent = configFile === null && !(await exists(path));
  const config = isAbsent ? completeConfig({}) : await loadConfig(path);
  return task === null ? config : { ...config, ...taskOf(task) };
}

/** Opens the signing key first, so that a wrong password fails before the build. */
async function attestationOf(
  { attestation, models, outputs }: BuildWishes,
  config: ProcessorConfig,
  { currentDirectory, environment }: WorkContext,
): Promise<AttestationSettings | null> {
  const { isWanted, keyFile } = attestation;
  if (keyFile !== null && !(outputs.isPushed && isWanted))
    throw sharedError("USAGE", "--sign-key signs what --push sends; it needs --push, without --no-attest");
  if (!isWanted) return null;
  const published = models.isPretrained ? pretrainedName(config) : "";
  return {
    modelLicence: config.modelLicence ?? (published === "" ? null : modelInfo(published).licence),
    signingKey:
      keyFile === null
        ? null
        : await readSigningKey(resolve(currentDirectory, keyFile), environment["COSIGN_PASSWORD"]),
  };
}

/** The platform that the image will run on, and its name there. */
interface Destination {
  readonly target: Target;
  readonly tag: string;
  readonly archiveName: string | null;
}

/** The caller's choices override config.json. Missing values are reported before the model is downloaded. */
function destinationOf({ image, outputs }: BuildWishes, config: ProcessorConfig): Destination {
  const target: TargetConfig = {
    ...config.target,
    ...(image.target === null ? {} : { kind: image.target }),
    ...(image.registry === null ? {} : { registry: trimmedEnd(image.registry, "/") }),
  };
  if (outputs.hasModelTarball && !platformOf(target.kind).takesModelTarball) {
    const takers = allPlatforms.filter(({ takesModelTarball }) => takesModelTarball);
    const named = takers.map(({ kind }) => kind).join(" or ");
    throw sharedError("USAGE", `--model-tarball is for --target ${named}, which puts it in place`);
  }
  const tag = imageNameFromConfig(target, image.tag);
  return { target: targetFromConfig(target), tag, archiveName: archiveNameFromConfig(target, tag) };
}

/** An image that the user names brings its own parts. */
function leftOutOfBase(
  named: readonly BasePart[],
  { wishes, work: { environment, progress } }: FoundParts,
  recipe: Pick<PartsWish, "variant" | "findIndex" | "inferenceEngine">,
): Promise<readonly BasePart[]> {
  return choosePartsToLeaveOut({
    named,
    isOwn: wishes.base.imageName === null,
    ...recipe,
    platform: wishes.image.platform,
    cacheFolder: cacheFolder(environment),
    onNote: (text) => progress.note(text),
  });
}

interface FoundParts {
  readonly wishes: BuildWishes;
  readonly config: ProcessorConfig;
  readonly work: WorkContext;
  readonly destination: Destination;
  /** Null for an image for any model. */
  readonly models: ModelSet | null;
  readonly choice: BuilderChoice;
  readonly attestation: AttestationSettings | null;
}

async function requestOf(found: FoundParts, hookFile: string | null): Promise<BuildRequest> {
  const { wishes, config, work, models, choice, attestation } = found;
  const settings = {
    ...wishes.settings.applyTo(config.settings),
    hookModule: hookFile === null ? null : hookModuleName,
  };
  const variant = chooseVariant(settings.device, wishes.base.cuda ?? config.cuda);
  const findIndex = indexFinder(work.environment, work.signal);
  const named = [...wishes.base.leftOut, ...config.leftOut];
  const { inferenceEngine } = settings;
  const leftOut = await leftOutOfBase(named.filter(isBasePart), found, {
    variant,
    findIndex,
    inferenceEngine,
  });
  const image = imageOf(found, {
    licenses: licencesOf({ variant, leftOut }),
    leftOut: named.filter(isOwnPart),
  });
  const outputs = outputsOf(found, image.description.imageName);
  const isContextOnly = choice.builder === "context";
  return {
    models,
    settings,
    hookFile,
    image,
    base: {
      imageName: wishes.base.imageName,
      variant,
      gpuArchitectures: gpuArchitecturesOf(found, variant),
      leftOut,
      findIndex,
    },
    outputs: isContextOnly
      ? { ...outputs, exportFolder: null, isPushed: false, keepsBuildFiles: false }
      : outputs,
    attestation: isContextOnly ? null : attestation,
    context: await contextOf(wishes, image.description.imageName, work),
  };
}

/** An image without CUDA refuses GPUs that the caller names, but not those of its platform. */
function gpuArchitecturesOf(
  { wishes, config, destination }: FoundParts,
  variant: BaseVariant,
): readonly string[] {
  const named = wishes.base.gpuArchitectures ?? config.gpuArchitectures;
  if (named !== null) return named;
  return variant === "cpu" ? [] : platformOf(destination.target.kind).gpuArchitectures;
}

function imageOf(
  { wishes, work, destination, models, choice }: FoundParts,
  { licenses, leftOut }: Pick<ImageRequest, "leftOut"> & { readonly licenses: string },
): ImageRequest {
  const epoch = work.environment["SOURCE_DATE_EPOCH"];
  const created = creationTime(epoch);
  const { task, title, description } = imageTexts(models);
  return {
    description: {
      imageName: imageNameOf(destination.tag, task, created),
      title,
      description,
      // Only an image that Docker builds depends on the time of the build.
      created: choice.builder === "embedded" && epoch === undefined ? layerFileTime : created,
      source: null,
      licenses,
    },
    target: destination.target,
    platform: wishes.image.platform,
    leftOut,
  };
}

function outputsOf({ wishes, work, destination }: FoundParts, imageName: string): OutputRequest {
  const { currentDirectory } = work;
  const { archiveFormat, hasModelTarball, existing, isPushed, buildDir, keepsBuildFiles } = wishes.outputs;
  return {
    exportFolder: archiveFormat === null ? null : currentDirectory,
    archiveName: archiveNameFor(archiveFormat, destination, imageName),
    modelTarball: hasModelTarball ? join(currentDirectory, "model.tar.gz") : null,
    existing,
    isPushed,
    buildDir: resolve(currentDirectory, buildDir ?? "build"),
    keepsBuildFiles,
  };
}

async function contextOf(
  { base, outputs, registriesFor }: BuildWishes,
  imageName: string,
  { environment, lockFile, progress, signal }: WorkContext,
): Promise<BuildContext> {
  return {
    registries: await registriesFor(outputs.isPushed ? imageName : (base.imageName ?? imageName)),
    lockFile,
    cacheFolder: cacheFolder(environment),
    cacheLimitBytes: cacheLimitBytes(environment),
    environment,
    progress,
    signal,
  };
}

/** @throws USAGE if the target prescribes another format */
function archiveNameFor(
  format: "tar.gz" | "tar" | null,
  { archiveName, target }: Destination,
  imageName: string,
): string | null {
  if (format !== "tar") return archiveName;
  if (archiveName !== null)
    throw sharedError("USAGE", `--export-format tar: ${target.kind} accepts only ${archiveName}`);
  return archiveFileName(imageName).replace(/\.gz$/, "");
}

/** Reads SOURCE_DATE_EPOCH (Unix seconds), with which reproducible builds set the image's time. */
function creationTime(epoch: string | undefined): Date {
  if (epoch === undefined) return new Date();
  if (/^\d+$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw sharedError("USAGE", `SOURCE_DATE_EPOCH is ${epoch}, not a number of seconds`);
}
