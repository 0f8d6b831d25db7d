import { sharedError } from "../../../processor/contract/shared-errors.js";
import {
  type BestCandidateOfV1,
  type BestOfV1,
  findBestOfV1,
} from "../../nnunet/selection/v1/find-best-v1.js";
import type { CommandSession } from "../command-session.js";
import { foldsOf } from "../folds-of.js";
import type { BestForConfig } from "../write-best-config.js";
import type { ComparedModels, Comparison } from "./compared-models.js";

/** Compares the trained models of a task of nnU-Net v1. */
export async function compareModelsOfV1(
  { dataset, args, folders }: Comparison,
  { progress, signal }: CommandSession,
): Promise<ComparedModels> {
  const found = await findBestOfV1({
    task: dataset,
    folders,
    // In v1's order, which its averages and their names follow.
    configurations: [
      ...new Set(args.configurations ?? ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"]),
    ],
    trainer: only(args.trainer, "trainer") ?? "nnUNetTrainerV2",
    cascadeTrainer: args["cascade-trainer"],
    plans: only(args.plans, "plans") ?? "nnUNetPlansv2.1",
    folds: foldsOf(args.folds),
    allowsEnsembles: args.ensembles,
    decidesPostProcessing: args.postprocessing,
    overwrite: !args["keep-existing"],
    progress,
    signal,
  });
  return { best: bestForConfig(found), text: bestText(found), report: jsonReport(found) };
}

/** v1 compares configurations only. */
function only(names: readonly string[] | undefined, flag: string): string | undefined {
  if ((names?.length ?? 0) < 2) return names?.[0];
  throw sharedError("USAGE", `--${flag} names one of them for v1, not ${names!.length}`);
}

/** If several models have the same Dice, the config has the first, which is the simplest. */
function bestForConfig({ best, folds }: BestOfV1): BestForConfig {
  const { members, firstStage, postProcessingFile } = best[0]!;
  const [first, ...others] = members.map(({ modelFolder, configuration }) => ({
    folder: modelFolder,
    configuration,
  }));
  return { members: [first!, ...others], folds, previousStage: firstStage, postProcessingFile };
}

function bestText({ candidates, best, commandsFile, tableFile }: BestOfV1): string {
  const shown = candidates.map((candidate) => ({ ...candidate, title: titleOf(candidate) }));
  const widest = Math.max(...shown.map(({ title }) => title.length));
  const isBest = (name: string): boolean => best.some((candidate) => candidate.name === name);
  return [
    "mean foreground Dice on the cross-validation\n",
    ...shown.map(
      ({ name, title, dice }) =>
        `  ${title.padEnd(widest)}  ${dice.toFixed(4)}${isBest(name) ? "  best" : ""}\n`,
    ),
    ...best.map(keptText),
    `written    ${commandsFile}\n`,
    `           ${tableFile}\n`,
    ...best.flatMap(({ postProcessingFile }) =>
      postProcessingFile === null ? [] : [`           ${postProcessingFile}\n`],
    ),
  ].join("");
}

const titleOf = ({ members }: Pick<BestCandidateOfV1, "members">): string =>
  members.map(({ configuration }) => configuration).join(" + ");

/** Says which post-processing a model gets. */
function keptText(candidate: BestCandidateOfV1): string {
  const { keptLargest } = candidate;
  if (keptLargest === null) return "";
  const steps = keptLargest.map(
    (labels) => `${labels.length === 1 ? "label" : "labels"} ${labels.join(", ")}`,
  );
  const kept =
    steps.length === 0
      ? "no post-processing helps"
      : `keep only the largest component of ${steps.join(", then of ")}`;
  return `${titleOf(candidate)}: ${kept}\n`;
}

const jsonReport = ({ taskName, candidates, best, commandsFile, tableFile }: BestOfV1): object => ({
  dataset: taskName,
  candidates: candidates.map(({ name, dice, members }) => ({
    name,
    folders: members.map(({ modelFolder }) => modelFolder),
    dice,
  })),
  best: best.map(({ name }) => name),
  postProcessing: best[0]!.keptLargest,
  postProcessingFile: best[0]!.postProcessingFile,
  commandsFile,
  tableFile,
});
