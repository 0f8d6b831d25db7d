import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { ProcessorError } from "../../../processor/contract/errors.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import type { Target } from "../../../processor/contract/target.js";
import type { AttestationSettings } from "../../attest/attest-image.js";
import { readSigningKey } from "../../attest/signing-key.js";
import { pythonIndex } from "../../base-image/python-index.js";
import { chooseVariant, readVersions } from "../../base-image/variants.js";
import type { BuildOptions } from "../../build/build-options.js";
import { buildProcessor, renderBuild } from "../../build/docker-build.js";
import { buildEmbedded } from "../../build/embedded-build.js";
import { bundleHook } from "../../build/hook-bundle.js";
import { completeConfig, type ProcessorConfig } from "../../config/config.js";
import { imageNameOf } from "../../config/image-name.js";
import { loadConfig } from "../../config/load-config.js";
import type { TargetConfig } from "../../config/target-config.js";
import { lockFileBeside } from "../../download/lock-file.js";
import { layerFileTime } from "../../image/image-plan.js";
import { cacheFolder, cacheLimitBytes } from "../../model-source/cache-folder.js";
import { modelInfo } from "../../model-source/model-registry.js";
import type { ModelSet } from "../../models/model-set.js";
import { modelsOf } from "../../models/models-of-config.js";
import { pretrainedName } from "../../models/obtain-model.js";
import { taskOf } from "../../models/obtain-models.js";
import { archiveFileName } from "../../oci/export-archive.js";
import {
  allPlatforms,
  archiveNameFromConfig,
  imageNameFromConfig,
  platformOf,
  targetFromConfig,
} from "../../targets/targets.js";
import { trimmedEnd } from "../../untrusted/trimmed-end.js";
import { type BuilderChoice, chooseBuilder } from "../choose-builder.js";
import type { CommandSession } from "../command-session.js";
import type { buildOptions } from "../options/build-options.js";
import { registrySettings } from "../registry-settings.js";
import { type BuildRecord, recordOfDocker, recordOfEmbedded } from "./build-record.js";
import { renderedText, reportText } from "./build-report.js";
import { windowChoices } from "./window-choices.js";

type BuildArguments = InferredOptionTypes<typeof buildOptions>;

/** The program's main job: a trained model becomes an image. */
export async function runBuild(args: BuildArguments, session: CommandSession): Promise<number> {
  const { terminal, progress } = session;
  if (args["apply-resample-patch"]) {
    progress.note(
      "--apply-resample-patch: nothing to apply; the export is bounded in memory and its answer is nnU-Net's own",
    );
  }
  const text = await withBuildOptions(args, session, async ({ choice, options }) => {
    if (args["context-only"]) {
      const rendered = await renderBuild(options);
      return args.json ? asJson(rendered) : renderedText(rendered);
    }
    const record = await buildWith(choice, options);
    return args.json ? asJson(record) : reportText(record, options, terminal);
  });
  terminal.out(text);
  return 0;
}

async function buildWith(choice: BuilderChoice, options: BuildOptions): Promise<BuildRecord> {
  if (choice.builder === "docker") return recordOfDocker(await buildProcessor(options));
  try {
    return recordOfEmbedded(await buildEmbedded(options));
  } catch (error) {
    // Docker may have a base, or Debian's image, that this program cannot get.
    const isBaseMissing = error instanceof ProcessorError && error.code === "TOOL_MISSING";
    if (choice.engine === null || !isBaseMissing) throw error;
    options.progress.note(
      `Building with Docker instead, so that the image cannot be rebuilt bit for bit: ${error.message}`,
    );
    return recordOfDocker(await buildProcessor(options));
  }
}

const asJson = (report: object): string => `${JSON.stringify(report, null, 2)}\n`;

export interface ChosenBuild {
  readonly choice: BuilderChoice;
  readonly options: BuildOptions;
}

/** Everything that a build needs, found and checked; bundled hooks are there as long as `use` runs. */
export async function withBuildOptions<T>(
  args: BuildArguments,
  commandSession: CommandSession,
  use: (build: ChosenBuild) => Promise<T>,
): Promise<T> {
  const { terminal } = commandSession;
  windowChoices(args);
  const configFile = resolve(terminal.currentDirectory, args["config-file"] ?? "config.json");
  const session = { ...commandSession, lockFile: lockFileBeside(configFile) };
  const config = await configOf(configFile, args);
  const attestation = await attestationOf(args, config, session);
  const destination = destinationOf(args, config);
  const models = await modelsOf(
    {
      modelDirs: args["model-dir"] ?? null,
      configurations: args.configuration ?? null,
      checkpointName: args.checkpoint ?? null,
      folds: args.folds ?? null,
      onnxFiles: args.onnx ?? null,
      previousStage: args["prev-stage-model"] ?? null,
      isPretrained: args["download-pretrained"],
      zenodoUrl: args["zenodo-url"] ?? null,
    },
    config,
    session,
  );
  const choice = await choiceOf(args, session);
  const hookFolder =
    args["process-img-file"] === undefined ? null : await mkdtemp(join(tmpdir(), "nnunet-processor-hook-"));
  try {
    const options = await buildOptionsOf(
      { args, choice, config, destination, models, session, attestation },
      hookFolder === null ? null : join(hookFolder, "process-img.mjs"),
    );
    if (options.hookFile !== null) {
      await bundleHook(resolve(terminal.currentDirectory, args["process-img-file"]!), options.hookFile);
    }
    return await use({ choice, options });
  } finally {
    if (hookFolder !== null) await rm(hookFolder, { recursive: true, force: true });
  }
}

/** A rendered context asks no engine, and is Docker's. */
const choiceOf = (args: BuildArguments, session: CommandSession): Promise<BuilderChoice> =>
  args["context-only"]
    ? Promise.resolve({ builder: "docker", engine: null })
    : chooseBuilder(
        {
          ...{ builder: args.builder, platform: args.platform, isKeptElsewhere: args.export || args.push },
          baseImage: args["base-image"] ?? null,
          isContextKept: args["keep-build-files"],
        },
        session,
      );

/** The file that was named must be there; the default one may be absent when the model folder says everything. */
async function configOf(path: string, args: BuildArguments): Promise<ProcessorConfig> {
  const isAbsent = args["config-file"] === undefined && (await stat(path).catch(() => null)) === null;
  const config = isAbsent ? completeConfig({}) : await loadConfig(path);
  if (args.task === undefined) return config;
  return { ...config, ...{ taskId: undefined, taskName: undefined }, ...taskOf(args.task) };
}

/** A key that does not open is told before the work. */
async function attestationOf(
  args: BuildArguments,
  config: ProcessorConfig,
  { terminal }: CommandSession,
): Promise<AttestationSettings | null> {
  const keyFile = args["sign-key"];
  if (keyFile !== undefined && !(args.push && args.attest))
    throw sharedError("USAGE", "--sign-key signs what --push sends; it needs --push, without --no-attest");
  if (!args.attest) return null;
  const published = args["download-pretrained"] ? pretrainedName(config) : "";
  return {
    modelLicence: config.modelLicence ?? (published === "" ? null : modelInfo(published).licence),
    signingKey:
      keyFile === undefined
        ? null
        : await readSigningKey(
            resolve(terminal.currentDirectory, keyFile),
            terminal.environment["COSIGN_PASSWORD"],
          ),
  };
}

interface BuildRequest {
  readonly args: BuildArguments;
  readonly choice: BuilderChoice;
  readonly config: ProcessorConfig;
  readonly destination: Destination;
  readonly models: ModelSet;
  readonly session: CommandSession;
  readonly attestation: AttestationSettings | null;
}

async function buildOptionsOf(
  { args, choice, config, destination, models, session, attestation }: BuildRequest,
  hookFile: string | null,
): Promise<BuildOptions> {
  const { terminal, progress, signal } = session;
  const epoch = terminal.environment["SOURCE_DATE_EPOCH"];
  const created = creationTime(epoch);
  const device = args.device ?? config.settings.device;
  const { useTta, stepSize } = windowChoices(args);
  const baseVariant = chooseVariant(device, args.cuda ?? config.cuda);
  const [{ model }] = models.members as [ModelSet["members"][number]];
  const configurations = models.members.map((member) => member.model.configuration).join(" + ");
  const imageName = imageNameOf(destination.tag, model.task, created);
  return {
    ...{ models, hookFile, progress, signal, attestation, environment: terminal.environment },
    settings: {
      ...config.settings,
      useTestTimeAugmentation: useTta ?? config.settings.useTestTimeAugmentation,
      stepSize: stepSize ?? config.settings.stepSize,
      precision: args.precision ?? config.settings.precision,
      device,
      hookModule: hookFile === null ? null : "process-img.mjs",
    },
    description: {
      imageName,
      title: `${model.task.name} ${configurations}`,
      description: `nnU-Net ${configurations} of ${model.datasetName}, packed by nnunet-processor`,
      // Unless Docker builds it, nothing in the image depends on the day.
      created: choice.builder === "embedded" && epoch === undefined ? layerFileTime : created,
      source: null,
      licenses: readVersions().variants[baseVariant].licences,
    },
    target: destination.target,
    archiveName: archiveNameFor(args, destination, imageName),
    modelTarball: args["model-tarball"] ? join(terminal.currentDirectory, "model.tar.gz") : null,
    baseImage: args["base-image"] ?? null,
    baseVariant,
    pythonIndex: pythonIndex(terminal.environment),
    buildDir: resolve(terminal.currentDirectory, args["build-dir"] ?? "build"),
    platform: args.platform,
    keepBuildFiles: args["keep-build-files"],
    existing: args.overwrite ? "replace" : "keep",
    exportFolder: args.export ? terminal.currentDirectory : null,
    engine: choice.engine,
    isPushed: args.push,
    registries: await registrySettings(
      args,
      args.push ? imageName : (args["base-image"] ?? imageName),
      terminal,
    ),
    lockFile: session.lockFile,
    cacheFolder: cacheFolder(terminal.environment),
    cacheLimitBytes: cacheLimitBytes(terminal.environment),
  };
}

/** Where the image will run, and how it is called there. */
interface Destination {
  readonly target: Target;
  readonly tag: string;
  readonly archiveName: string | null;
}

/** The command line's word counts before config.json's; what they lack is told before the model is fetched. */
function destinationOf(args: BuildArguments, config: ProcessorConfig): Destination {
  const choice: TargetConfig = {
    ...config.target,
    ...(args.target === undefined ? {} : { kind: args.target }),
    ...(args.registry === undefined ? {} : { registry: trimmedEnd(args.registry, "/") }),
  };
  if (args["model-tarball"] && !platformOf(choice.kind).takesModelTarball) {
    const takers = allPlatforms.filter(({ takesModelTarball }) => takesModelTarball);
    const named = takers.map(({ kind }) => kind).join(" or ");
    throw sharedError("USAGE", `--model-tarball is for --target ${named}, which puts it in place`);
  }
  const tag = imageNameFromConfig(choice, args.tag ?? null);
  return { target: targetFromConfig(choice), tag, archiveName: archiveNameFromConfig(choice, tag) };
}

/** @throws USAGE when the target prescribes another format */
function archiveNameFor(
  args: BuildArguments,
  { archiveName, target }: Destination,
  imageName: string,
): string | null {
  if (!args.export || args["export-format"] === "tar.gz") return archiveName;
  if (archiveName !== null)
    throw sharedError("USAGE", `--export-format tar: ${target.kind} takes ${archiveName} only`);
  return archiveFileName(imageName).replace(/\.gz$/, "");
}

/** Reproducible builds give the time from outside, in Unix seconds. */
function creationTime(epoch: string | undefined): Date {
  if (epoch === undefined) return new Date();
  if (/^\d+$/.test(epoch)) return new Date(Number(epoch) * 1000);
  throw sharedError("USAGE", `SOURCE_DATE_EPOCH is ${epoch}, not a number of seconds`);
}
