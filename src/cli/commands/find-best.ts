import { dirname, join, resolve } from "node:path";
import { shellWord } from "../../ground/shell-word.js";
import { nnunetFolders } from "../../nnunet/folders.js";
import { type BestModel, nameOf } from "../../nnunet/selection/best-model.js";
import { findBest } from "../../nnunet/selection/find-best.js";
import { defaultProcesses } from "../../nnunet/selection/instructions.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { jsonText } from "../json-text.js";
import { programCall } from "../program-call.js";
import type { Terminal } from "../terminal.js";
import { trialsText } from "../trials-text.js";
import { writeBestConfig } from "../write-best-config.js";
import type { FindBestArguments } from "./find-best-arguments.js";
import { runFindBestOfV1 } from "./find-best-v1.js";

/** `build_processor find-best`: compares the trained models of a data set. */
export async function runFindBest(args: FindBestArguments, session: CommandSession): Promise<number> {
  if (args.nnunet === "v1") return runFindBestOfV1(args, session);
  const { terminal, environment, currentDirectory, progress, signal } = session;
  const found = await findBest({
    dataset: String(args.dataset),
    folders: nnunetFolders({ environment, currentDirectory }, 2),
    trainers: args.trainer ?? ["nnUNetTrainer"],
    configurations: args.configurations ?? ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"],
    plans: args.plans ?? ["nnUNetPlans"],
    folds: foldsOf(args.folds),
    allowsEnsembles: args.ensembles,
    overwrite: !args["keep-existing"],
    processes: Number(environment["nnUNet_def_n_proc"] ?? defaultProcesses),
    progress,
    signal,
  });
  const configFile = args["write-config"];
  if (configFile !== undefined) await writeConfigOf(found, resolve(currentDirectory, configFile), session);
  terminal.out(args.json ? jsonText(jsonReport(found)) : bestText(found, configFile ?? null, terminal));
  return 0;
}

function writeConfigOf(found: BestModel, path: string, session: CommandSession): Promise<void> {
  const results = dirname(found.informationFile);
  const [first, ...others] = found.selected.map((member) => ({
    folder: join(results, nameOf(member)),
    configuration: member.configuration,
  }));
  const { folds, postProcessingFile } = found;
  return writeBestConfig(path, { members: [first!, ...others], folds, postProcessingFile }, session);
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
