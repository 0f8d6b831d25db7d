import { readFile } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { readTextFile } from "../../../processor/files/read-text-file.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { ModelDescription } from "../../checkpoint/model-description.js";
import type { TrainedModel } from "../../checkpoint/network/trained-model.js";
import type { NvidiaOptions } from "../../checkpoint/nvidia/nvidia-options.js";
import { initialConfig } from "../../config/initial-config.js";
import { initialMetadata } from "../../config/initial-metadata.js";
import { checkConfig } from "../../config/load-config.js";
import type { TargetJson } from "../../config/target-config.js";
import { describeRunnable } from "../../convert/fold-network.js";
import { lockFileNextTo } from "../../download/lock-file.js";
import { namingArchives } from "../../ground/archive/archive-tree.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import { packageRoot } from "../../ground/files/package-root.js";
import { shellWord } from "../../ground/shell-word.js";
import { findPreviousStage } from "../../models/find-previous-stage.js";
import { type InitialNvidia, initialNvidia } from "../../models/initial-nvidia.js";
import { trainedModel } from "../../models/obtain-model.js";
import { membersOf } from "../../models/obtain-models.js";
import type { Platform } from "../../targets/platform.js";
import { allPlatforms, platformOf } from "../../targets/targets.js";
import type { CommandSession } from "../command-session.js";
import { namedModels } from "../named-models.js";
import { nvidiaArguments } from "../nvidia-arguments.js";
import type { initOptions } from "../options/run-options.js";
import { programCall } from "../program-call.js";
import type { Terminal } from "../terminal.js";

type InitArguments = InferredOptionTypes<typeof initOptions>;

const schemaName = "config.schema.json";

/** `build_processor init`: writes a config.json that fits the model, and says what to do next. */
export async function runInit(args: InitArguments, session: CommandSession): Promise<number> {
  const { terminal, progress } = session;
  const path = resolve(terminal.currentDirectory, args.output);
  if (!args.overwrite && (await exists(path))) {
    throw sharedError("OUTPUT_EXISTS", `${path} exists already`);
  }
  const platform = platformFor(args);
  const [member, ...others] = membersOf(namedModels(args, await nvidiaArguments(args, terminal)));
  if (member === undefined || others.length > 0)
    throw sharedError("USAGE", "init takes one model; add the others under `ensemble` in config.json");
  const trained = await trainedModel(member, { ...session, lockFile: lockFileNextTo(path) });
  const nvidia = trained.nvidia === null ? null : await initialNvidia(trained);
  const description = await describeForConfig(trained, nvidia);
  const config = initialConfig({
    trained,
    description,
    nvidia: nvidia === null ? null : placedFrom(dirname(path), nvidia.options),
    target: platform === null ? {} : targetKeys(platform, args),
    modelSource: sourceFrom(dirname(path), member.modelDir, terminal),
    checkpointName: args.checkpoint ?? null,
    folds: args.folds === undefined ? null : trained.folds.map(({ fold }) => fold),
  });
  const metadataFile =
    args["dicom-metadata"] === undefined ? null : resolve(terminal.currentDirectory, args["dicom-metadata"]);
  if (metadataFile !== null && !args.overwrite && (await exists(metadataFile)))
    throw sharedError("OUTPUT_EXISTS", `${metadataFile} exists already`);
  checkConfig(config, { path });
  await makeFolder(dirname(path));
  const schema = (await putSchemaBeside(path)) ? { $schema: `./${schemaName}` } : {};
  const dicom = metadataFile === null ? {} : { dicom: { path: relative(dirname(path), metadataFile) } };
  await writeJson(path, { ...schema, ...config, ...dicom });
  terminal.out(`${path}\n`);
  if (metadataFile !== null) {
    const { template, namesWithoutCode } = initialMetadata(description.labels, trained.datasetName);
    await writeJson(metadataFile, template);
    terminal.out(`${metadataFile}\n`);
    if (namesWithoutCode.length > 0)
      progress.note(
        `to complete in ${metadataFile}: the type codes of ${namesWithoutCode.join(", ")}, which DICOM's list does not have under these names`,
      );
  }
  for (const note of nvidia?.notes ?? []) progress.note(note);
  for (const missing of nvidia?.missing ?? []) progress.note(`to complete in ${path}: nvidia.${missing}`);
  progress.note(`model: ${trained.datasetName} ${trained.configuration}, ${foldsText(trained)}`);
  const { channelNames } = description;
  const channelsNote = channelNames.length > 1 ? platform?.config.initial?.channelsNote(channelNames) : null;
  // Not a note, because notes are wrapped, and people copy from this line.
  if (typeof channelsNote === "string") terminal.err(`${channelsNote}\n`);
  const earlier = description.previousStage;
  if (
    earlier !== null &&
    (await namingArchives([trained.tree], () => findPreviousStage(trained, earlier))) === null
  )
    progress.note(
      `first: name the folder of ${earlier} as "previous_stage" in the file, because ${trained.configuration} continues it and it is not next to the model`,
    );
  // This is not a note, because notes are wrapped, and the line must be pasted as a whole.
  terminal.err(`next:  ${buildLine(path, trained, platform, terminal)}\n`);
  return 0;
}

/** Returns what config.json needs to say. A model of NVIDIA's nnU-Net is described as far as its files say it. */
async function describeForConfig(
  trained: TrainedModel,
  nvidia: InitialNvidia | null,
): Promise<Pick<ModelDescription, "channelNames" | "plan" | "labels" | "previousStage">> {
  if (nvidia === null) return namingArchives([trained.tree], () => describeRunnable(trained));
  const known = { ...trained, nvidia: { ...trained.nvidia!, options: nvidia.options } };
  if (nvidia.missing.length === 0) return describeRunnable(known);
  const assumed = { ...nvidia.options, modality: "MRI" as const, ohe: nvidia.options.ohe ?? false };
  if (trained.nvidia!.configFile === null)
    throw builderError(
      "NVIDIA_FACTS_MISSING",
      `${trained.folds[0].checkpointFile}: no file says\n${nvidia.missing.map((line) => `  nvidia.${line}`).join("\n")}`,
    );
  return describeRunnable({ ...known, nvidia: { ...known.nvidia, options: assumed } });
}

/** Returns the options with the path of config.pkl relative to the folder of config.json. */
const placedFrom = (folder: string, options: NvidiaOptions): NvidiaOptions =>
  options.config === null ? options : { ...options, config: relative(folder, options.config) };

const writeJson = (path: string, content: object): Promise<void> =>
  writeFileWhole(path, [Buffer.from(`${JSON.stringify(content, null, 2)}\n`)]);

/**
 * Returns the platform that was named, or whose own option was given; null for neither.
 *
 * @throws USAGE if a platform's option is missing, or belongs to another platform
 */
function platformFor(args: InitArguments): Platform | null {
  const told = allPlatforms.filter(
    ({ config }) => config.initial && args[config.initial.option] !== undefined,
  );
  const kind = args.target ?? told[0]?.kind;
  if (kind === undefined) return null;
  const other = told.find((platform) => platform.kind !== kind);
  if (other !== undefined)
    throw sharedError(
      "USAGE",
      `--${other.config.initial!.option} needs --target ${other.kind}, but the target is ${kind}`,
    );
  const { initial } = platformOf(kind).config;
  if (initial !== null && args[initial.option] === undefined)
    throw sharedError("USAGE", `--target ${kind} needs --${initial.option} ${initial.meaning}`);
  return platformOf(kind);
}

function targetKeys({ kind, config: { initial } }: Platform, args: InitArguments): TargetJson {
  return { target: kind, ...(initial === null ? {} : initial.keys(args[initial.option]!)) };
}

/** Returns the model's path for config.json. A relative path stays relative, so that both can be moved together. */
function sourceFrom(
  configFolder: string,
  modelDir: string,
  { currentDirectory }: Pick<Terminal, "currentDirectory">,
): string {
  if (/^[a-z]+:/.test(modelDir) || isAbsolute(modelDir)) return modelDir;
  const path = relative(configFolder, resolve(currentDirectory, modelDir)) || ".";
  return path.startsWith(".") ? path : `./${path}`;
}

/** The largest schema that is read; ours is much smaller. */
const maxSchemaBytes = 1 << 20;

/** Copies the schema next to the file, so that editors complete and check the keys. Returns false if another file has the schema's name. */
async function putSchemaBeside(path: string): Promise<boolean> {
  const own = join(packageRoot, schemaName);
  const beside = join(dirname(path), schemaName);
  if (beside === own) return true;
  const schema = await readFile(own);
  const present = await readTextFile(beside, maxSchemaBytes).catch((error: NodeJS.ErrnoException) =>
    error.code === "ENOENT" ? null : "something else",
  );
  if (present !== null) return present.includes("nnunet-processor configuration");
  await writeFileWhole(beside, [schema]);
  return true;
}

const foldsText = ({ folds }: TrainedModel): string =>
  `fold${folds.length === 1 ? "" : "s"} ${folds.map(({ fold }) => fold).join(" ")}`;

function buildLine(
  path: string,
  { task }: TrainedModel,
  platform: Platform | null,
  terminal: Terminal,
): string {
  const fromHere = relative(terminal.currentDirectory, path);
  const file = fromHere === "config.json" ? [] : ["--config-file", shellWord(fromHere)];
  const tag =
    platform !== null && platform.config.naming !== null ? [] : ["--tag", `team/${imagePart(task.name)}:1`];
  return [programCall(terminal), ...file, ...tag, "--export"].join(" ");
}

/** Turns a task's name into a part of an image's name. */
const imagePart = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "") || "model";
