import { join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { findDatasetName } from "../nnunet/find-dataset.js";
import { nnunetFolders } from "../nnunet/folders.js";
import {
  checkTraining,
  modelPlace,
  trainedFolder,
  unpackingWarning,
  writeFirstSplits,
} from "../nnunet/training/check-training.js";
import type { Fold } from "../nnunet/training/each-fold.js";
import { type FoldState, foldState, foldStateOfV1 } from "../nnunet/training/fold-state.js";
import { programOf } from "../nnunet/training/trainer-command.js";
import { checkedTaskTraining, folderOfV1 } from "../nnunet/training/v1/train-task.js";
import { isUnpacked } from "../nnunet/training/v1/unpacked-cases.js";
import { writeSplits } from "../nnunet/v1/preprocess-task.js";
import type { CommandSession } from "./command-session.js";
import type { TrainArguments } from "./commands/train.js";
import { foldsOf } from "./folds-of.js";

/** A training that can begin, on this machine or on another one. */
export interface PlannedTraining {
  readonly dataset: string;
  readonly modelFolder: string;
  readonly folds: readonly Fold[];
  readonly warnings: readonly string[];
  /** nnU-Net's program; null if it is looked for where the training runs. */
  readonly program: string | null;
  /** What the command of a task says besides the data set, the configuration and what holds for v1 and v2. */
  readonly words: readonly string[];
  folderOf(fold: Fold): string;
  stateOf(foldFolder: string): Promise<FoldState>;
  /**
   * Writes the splits, which the folds would write at the same time.
   *
   * @returns warnings
   */
  prepare(open: readonly Fold[]): Promise<readonly string[]>;
}

/** @throws USAGE; the errors of `checkTraining` or `checkTaskTraining` */
export const plannedTraining = (args: TrainArguments, session: CommandSession): Promise<PlannedTraining> =>
  args.nnunet === "v1" ? plannedOfV1(args, session) : plannedOfV2(args, session);

async function plannedOfV2(
  args: TrainArguments,
  { environment, currentDirectory }: CommandSession,
): Promise<PlannedTraining> {
  const folders = nnunetFolders({ environment, currentDirectory }, 2);
  const dataset = await findDatasetName(String(args.dataset), folders);
  const { trainer = "nnUNetTrainer", plans = "nnUNetPlans", configuration, venv, image } = args;
  const place = modelPlace(folders, dataset, { trainer, plans, configuration });
  const modelFolder = await trainedFolder(place);
  const folds = foldsOf(args.folds);
  const warnings = await checkTraining({
    ...place,
    modelFolder,
    folds,
    pretrainedWeights: weightsOf(args, currentDirectory),
    gpusPerFold: args["gpus-per-fold"],
  });
  const runner = programOf(venv === undefined ? null : resolve(currentDirectory, venv));
  return {
    dataset,
    modelFolder,
    folds,
    warnings,
    program: venv === undefined || image !== undefined || runner.kind !== "program" ? null : runner.path,
    words: [
      ...["--trainer", trainer, "--plans", plans, "--device", args.device],
      ...["--gpus-per-fold", String(args["gpus-per-fold"])],
      ...(image === undefined ? [] : ["--image", image, "--shm-size", args["shm-size"]]),
    ],
    folderOf: (fold) => join(modelFolder, `fold_${fold}`),
    stateOf: foldState,
    async prepare(open) {
      if (folds.some((fold) => fold !== "all")) await writeFirstSplits(place);
      return open.length > 1 ? unpackingWarning(place) : [];
    },
  };
}

async function plannedOfV1(
  args: TrainArguments,
  { environment, currentDirectory }: CommandSession,
): Promise<PlannedTraining> {
  if (args["gpus-per-fold"] > 1)
    throw sharedError(
      "USAGE",
      "--slurm trains each fold of v1 on one GPU, because v1's programs for several GPUs need a last step when all folds are trained; leave out --gpus-per-fold, or train without --slurm",
    );
  const { plans = "nnUNetPlansv2.1", configuration, venv } = args;
  const folds = foldsOf(args.folds);
  const { taskName, trainer, modelFolder, preprocessedFolder, data } = await checkedTaskTraining({
    task: String(args.dataset),
    configuration,
    folds,
    trainer: args.trainer ?? null,
    plans,
    folders: nnunetFolders({ environment, currentDirectory }, 1),
    gpusPerFold: 1,
    parallel: args.parallel,
    pretrainedWeights: weightsOf(args, currentDirectory),
  });
  return {
    dataset: taskName,
    modelFolder,
    folds,
    warnings: [],
    program: venv === undefined ? null : join(resolve(currentDirectory, venv), "bin", "nnUNet_train"),
    words: ["--nnunet", "v1", "--trainer", trainer, "--plans", plans],
    folderOf: (fold) => folderOfV1(modelFolder, fold),
    stateOf: foldStateOfV1,
    async prepare(open) {
      if (open.length > 1 && !(await isUnpacked(data)))
        throw sharedError(
          "USAGE",
          `v1 unpacks the cases in ${data.folder} when its first training starts, and folds that start at once would read half a file; submit one fold, such as \`--folds ${open[0]}\`, and the others when its log in ${join(modelFolder, "slurm")} has an epoch`,
        );
      if (folds.some((fold) => fold !== "all")) await writeSplits(preprocessedFolder, data.caseIds);
      return [];
    },
  };
}

const weightsOf = (args: TrainArguments, currentDirectory: string): string | null => {
  const weights = args["pretrained-weights"];
  return weights === undefined ? null : resolve(currentDirectory, weights);
};
