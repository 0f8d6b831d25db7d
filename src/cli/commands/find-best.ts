import { dirname, join, relative, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../processor/files/write-file.js";
import type { ConfigJson } from "../../config/config.js";
import { initialConfig } from "../../config/initial-config.js";
import { checkConfig } from "../../config/load-config.js";
import { describeRunnable } from "../../convert/fold-network.js";
import { lockFileNextTo } from "../../download/lock-file.js";
import { shellWord } from "../../ground/shell-word.js";
import { trainedModel } from "../../models/obtain-model.js";
import { membersOf } from "../../models/obtain-models.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import { type BestModel, nameOf } from "../../nnunet/selection/best-model.js";
import { findBest } from "../../nnunet/selection/find-best.js";
import { defaultProcesses } from "../../nnunet/selection/instructions.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { findBestOptions } from "../options/selection-options.js";
import { programCall } from "../program-call.js";
import type { Terminal } from "../terminal.js";
import { trialsText } from "../trials-text.js";

type FindBestArguments = InferredOptionTypes<typeof findBestOptions> & { readonly dataset: string };

/** `build_processor find-best`: compares the trained models of a data set. */
export async function runFindBest(args: FindBestArguments, session: CommandSession): Promise<number> {
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const found = await findBest({
    dataset: String(args.dataset),
    folders: nnunetFolders({ environment, currentDirectory }, 2),
    trainers: args.trainer,
    configurations: args.configurations,
    plans: args.plans,
    folds: foldsOf(args.folds),
    allowsEnsembles: args.ensembles,
    overwrite: !args["keep-existing"],
    processes: Number(environment["nnUNet_def_n_proc"] ?? defaultProcesses),
    progress,
    signal,
  });
  const configFile = args["write-config"];
  if (configFile !== undefined) await writeConfig(resolve(currentDirectory, configFile), found, session);
  terminal.out(args.json ? jsonText(jsonReport(found)) : bestText(found, configFile ?? null, terminal));
  return 0;
}

/** @throws USAGE for a word that is neither a number nor `all` */
export function foldsOf(words: readonly string[]): readonly (number | "all")[] {
  return words.map((word) => {
    if (word === "all") return "all";
    if (/^\d{1,3}$/.test(word)) return Number(word);
    throw sharedError("USAGE", `--folds are numbers or all, not ${word}`);
  });
}

/**
 * Writes a config.json with nnU-Net's defaults for a build, as `init` does. Its paths are relative to its folder, so that
 * both can be moved together.
 */
async function writeConfig(path: string, found: BestModel, session: CommandSession): Promise<void> {
  const folder = dirname(path);
  const results = dirname(found.informationFile);
  const place = (file: string): string => relative(folder, file) || ".";
  const [first] = found.selected;
  const modelDir = join(results, nameOf(first!));
  const folds = found.folds.map(String);
  const named = {
    modelDirs: [modelDir],
    task: null,
    configurations: null,
    checkpointName: null,
    nvidia: null,
    folds,
  };
  const trained = await trainedModel(membersOf(named)[0]!, { ...session, lockFile: lockFileNextTo(path) });
  const initial = initialConfig({
    trained,
    description: await describeRunnable(trained),
    modelSource: place(modelDir),
    checkpointName: null,
    folds,
    target: {},
    nvidia: null,
  });
  const members = found.selected.map((member) => ({
    model: place(join(results, nameOf(member))),
    configuration: member.configuration,
  }));
  // A config names one model, or the members of an ensemble.
  const models = Object.entries(initial).filter(
    ([key]) => members.length === 1 || (key !== "model" && key !== "configuration"),
  );
  const config: ConfigJson = {
    ...Object.fromEntries(models),
    ...(members.length === 1 ? {} : { ensemble: members }),
    postprocessing: place(found.postProcessingFile),
  };
  checkConfig(config, { path });
  await makeFolder(folder);
  await writeFileWhole(path, [Buffer.from(`${JSON.stringify(config, null, 2)}\n`)]);
}

function bestText(found: BestModel, configFile: string | null, terminal: Terminal): string {
  const { candidates, best, postProcessing, leftOut } = found;
  const widest = Math.max(...candidates.map(({ name }) => shownName(name).length));
  const next =
    configFile === null
      ? "--write-config config.json writes the settings of an image"
      : [programCall(terminal), "--config-file", shellWord(configFile)].join(" ");
  return [
    ...leftOut.map((model) => `left out   ${nameOf(model)}: the plans lack this configuration\n`),
    "mean foreground Dice on the cross-validation\n",
    ...candidates.map(
      (candidate) =>
        `  ${shownName(candidate.name).padEnd(widest)}  ${candidate.dice.toFixed(4)}${candidate === best ? "  best" : ""}\n`,
    ),
    trialsText(postProcessing),
    `written    ${found.informationFile}\n`,
    `           ${found.instructionsFile}\n`,
    `           ${found.postProcessingFile}\n`,
    `next       ${next}\n`,
  ].join("");
}

/** @example shownName("ensemble___A__P__2d___A__P__3d_fullres___0_1") // "A__P__2d + A__P__3d_fullres" */
const shownName = (name: string): string =>
  name.startsWith("ensemble___") ? name.split("___").slice(1, -1).join(" + ") : name;

const jsonReport = (found: BestModel): object => ({
  dataset: found.datasetName,
  candidates: found.candidates.map(({ name, folder, dice }) => ({ name, folder, dice })),
  best: found.best.name,
  diceAfterPostProcessing: found.postProcessing.after.foregroundMean.Dice,
  postProcessing: found.postProcessing.steps.map(({ labels }) => labels),
  postProcessingFile: found.postProcessingFile,
  informationFile: found.informationFile,
  instructionsFile: found.instructionsFile,
});
