import { readFile, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { readTextFile } from "../../../processor/files/read-text-file.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import { namingArchives } from "../../archive/archive-tree.js";
import { type InitialTarget, initialConfig } from "../../config/initial-config.js";
import { checkConfig, readConfigSchema } from "../../config/load-config.js";
import { describeRunnable } from "../../convert/fold-network.js";
import { lockFileBeside } from "../../download/lock-file.js";
import { packageRoot } from "../../files/package-root.js";
import { findPreviousStage } from "../../models/find-previous-stage.js";
import { trainedModel } from "../../models/obtain-model.js";
import { membersOf } from "../../models/obtain-models.js";
import type { TrainedModel } from "../../network/trained-model.js";
import type { CommandSession } from "../command-session.js";
import { namedModels } from "../named-models.js";
import type { initOptions } from "../options/run-options.js";
import { programCall } from "../program-call.js";
import { shellWord } from "../shell-word.js";
import type { Terminal } from "../terminal.js";

type InitArguments = InferredOptionTypes<typeof initOptions>;

const schemaName = "config.schema.json";

/** `build_processor init`: writes a config.json that fits the model, and says what to do next. */
export async function runInit(args: InitArguments, session: CommandSession): Promise<number> {
  const { terminal, progress } = session;
  const path = resolve(terminal.currentDirectory, args.output);
  if (!args.overwrite && (await stat(path).catch(() => null)) !== null) {
    throw sharedError("OUTPUT_EXISTS", `${path} exists already`);
  }
  const target = targetOf(args);
  const [member, ...others] = membersOf(namedModels(args));
  if (member === undefined || others.length > 0)
    throw sharedError("USAGE", "init takes one model; add the others under `ensemble` in config.json");
  const trained = await trainedModel(member, { ...session, lockFile: lockFileBeside(path) });
  const description = await namingArchives([trained.tree], () => describeRunnable(trained));
  const config = initialConfig({
    ...{ trained, description, target },
    modelSource: sourceFrom(dirname(path), member.modelDir, terminal),
    checkpointName: args.checkpoint ?? null,
    folds: args.folds === undefined ? null : trained.folds.map(({ fold }) => fold),
  });
  checkConfig(config, { path, schema: await readConfigSchema() });
  const schema = (await putSchemaBeside(path)) ? { $schema: `./${schemaName}` } : {};
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify({ ...schema, ...config }, null, 2)}\n`)]);
  terminal.out(`${path}\n`);
  progress.note(`model: ${trained.datasetName} ${trained.configuration}, folds ${foldsText(trained)}`);
  if (target?.kind === "grand-challenge" && description.channelNames.length > 1)
    progress.note(
      "if each channel has a socket of its own, name them under grand_challenge.inputs (docs/how-to/targets.md)",
    );
  const earlier = description.previousStage;
  if (
    earlier !== null &&
    (await namingArchives([trained.tree], () => findPreviousStage(trained, earlier))) === null
  )
    progress.note(
      `first: name the folder of ${earlier} as "previous_stage" in the file, because ${trained.configuration} continues it and it is not next to the model`,
    );
  progress.note(`next:  ${buildLine(path, trained, target, terminal)}`);
  return 0;
}

/** @throws USAGE when a platform's option is missing, or belongs to another platform */
function targetOf(args: InitArguments): InitialTarget | null {
  const { "output-socket": outputSocket, team } = args;
  const kind = args.target ?? (outputSocket !== undefined ? "grand-challenge" : team && "amos22");
  if (outputSocket !== undefined && kind !== "grand-challenge")
    throw sharedError("USAGE", `--output-socket needs --target grand-challenge, but the target is ${kind}`);
  if (team !== undefined && kind !== "amos22")
    throw sharedError("USAGE", `--team needs --target amos22, but the target is ${kind}`);
  switch (kind) {
    case undefined:
    case "":
      return null;
    case "grand-challenge":
      if (outputSocket === undefined)
        throw sharedError(
          "USAGE",
          "--target grand-challenge needs --output-socket with the slug of the socket for the segmentation",
        );
      return { kind, outputSocket };
    case "amos22":
      if (team === undefined) throw sharedError("USAGE", "--target amos22 needs --team with its name");
      return { kind, team };
    case "sol":
    case "plain":
      return { kind };
  }
}

/** A relative path stays relative, so that config.json and model can move together. */
function sourceFrom(
  configFolder: string,
  modelDir: string,
  { currentDirectory }: Pick<Terminal, "currentDirectory">,
): string {
  if (/^[a-z]+:/.test(modelDir) || isAbsolute(modelDir)) return modelDir;
  const path = relative(configFolder, resolve(currentDirectory, modelDir)) || ".";
  return path.startsWith(".") ? path : `./${path}`;
}

/** Far more than a schema has. */
const maxSchemaBytes = 1 << 20;

/** Copies the schema next to the file, so that editors complete and check the keys. False if another file has its name. */
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

const foldsText = ({ folds }: TrainedModel): string => folds.map(({ fold }) => fold).join(" ");

function buildLine(
  path: string,
  { task }: TrainedModel,
  target: InitialTarget | null,
  terminal: Terminal,
): string {
  const fromHere = relative(terminal.currentDirectory, path);
  const file = fromHere === "config.json" ? [] : ["--config-file", shellWord(fromHere)];
  const tag = target?.kind === "amos22" ? [] : ["--tag", `team/${imagePart(task.name)}:1`];
  return [programCall(terminal), ...file, ...tag, "--export"].join(" ");
}

/** Turns a task's name into a part of an image's name. */
const imagePart = (name: string): string =>
  name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "") || "model";
