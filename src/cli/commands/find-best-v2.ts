import { dirname, join } from "node:path";
import { type BestModel, modelFolderName } from "../../nnunet/selection/best-model.js";
import { findBest } from "../../nnunet/selection/find-best.js";
import { defaultProcesses } from "../../nnunet/selection/instructions.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import { trialsText } from "../trials-text.js";
import type { BestForConfig } from "../write-best-config.js";
import type { ComparedModels, Comparison } from "./compared-models.js";

/** Compares the trained models of a data set of nnU-Net v2. */
export async function compareModelsOfV2(
  { dataset, args, folders }: Comparison,
  { environment, progress, signal }: CommandSession,
): Promise<ComparedModels> {
  const found = await findBest({
    dataset,
    folders,
    trainers: each(args.trainer ?? ["nnUNetTrainer"]),
    configurations: each(args.configurations ?? ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"]),
    plans: each(args.plans ?? ["nnUNetPlans"]),
    folds: foldsOf(args.folds),
    allowsEnsembles: args.ensembles,
    overwrite: !args["keep-existing"],
    processes: Number(environment["nnUNet_def_n_proc"] ?? defaultProcesses),
    progress,
    signal,
  });
  return { best: bestForConfig(found), text: bestText(found), report: jsonReport(found) };
}

/** Returns each name once: a model is not to be averaged with itself. */
const each = (names: readonly string[]): readonly string[] => [...new Set(names)];

function bestForConfig(found: BestModel): BestForConfig {
  const results = dirname(found.informationFile);
  const [first, ...others] = found.selected.map((member) => ({
    folder: join(results, modelFolderName(member)),
    configuration: member.configuration,
  }));
  const { folds, postProcessingFile } = found;
  return { members: [first!, ...others], folds, previousStage: null, postProcessingFile };
}

function bestText(found: BestModel): string {
  const { candidates, best, postProcessing, leftOut } = found;
  const widest = Math.max(...candidates.map(({ name }) => shownName(name).length));
  return [
    ...leftOut.map((model) => `left out   ${modelFolderName(model)}: the plans lack this configuration\n`),
    "mean foreground Dice on the cross-validation\n",
    ...candidates.map(
      (candidate) =>
        `  ${shownName(candidate.name).padEnd(widest)}  ${candidate.dice.toFixed(4)}${candidate === best ? "  best" : ""}\n`,
    ),
    trialsText(postProcessing),
    `written    ${found.informationFile}\n`,
    `           ${found.instructionsFile}\n`,
    `           ${found.postProcessingFile}\n`,
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
