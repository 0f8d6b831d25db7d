import { join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { nnunetError } from "../ground/errors/nnunet-errors.js";
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
import { namesOfV1, namesOfV2, pretrainedWeights, programFolderOfV1 } from "./training-names.js";

/** A training that can begin, on this machine or on another one. */
export interface PlannedTraining {
  readonly dataset: string;
  readonly modelFolder: string;
  readonly folds: readonly Fold[];
  readonly warnings: readonly string[];
  /** nnU-Net's program; null if it is looked for where the training runs. */
  readonly program: string | null;
  /** The flags that only v1, or only v2, needs in a task's command. */
  readonly words: readonly string[];
  folderOf(fold: Fold): string;
  stateOf(foldFolder: string): Promise<FoldState>;
  /**
   * Writes the splits, which the folds would write at the same time.
   *
   * @param hasQueued true if Slurm has folds of this model already
   * @returns warnings
   * @throws FOLD_IN_USE if a fold must have begun before these can
   */
  prepare(open: readonly Fold[], hasQueued: boolean): Promise<readonly string[]>;
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
  const { configuration, venv, image } = args;
  const { trainer, plans } = namesOfV2(args);
  const place = modelPlace(folders, dataset, { trainer, plans, configuration });
  const modelFolder = await trainedFolder(place);
  const folds = foldsOf(args.folds);
  const warnings = await checkTraining({
    ...place,
    modelFolder,
    folds,
    pretrainedWeights: pretrainedWeights(args, currentDirectory),
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
  const { configuration } = args;
  const { trainer: wantedTrainer, plans } = namesOfV1(args);
  const programFolder = programFolderOfV1(args, currentDirectory);
  const folds = foldsOf(args.folds);
  const { taskName, trainer, modelFolder, preprocessedFolder, data } = await checkedTaskTraining({
    task: String(args.dataset),
    configuration,
    folds,
    trainer: wantedTrainer,
    plans,
    folders: nnunetFolders({ environment, currentDirectory }, 1),
    gpusPerFold: 1,
    parallel: args.parallel,
    pretrainedWeights: pretrainedWeights(args, currentDirectory),
  });
  return {
    dataset: taskName,
    modelFolder,
    folds,
    warnings: [],
    program: programFolder === null ? null : join(programFolder, "nnUNet_train"),
    words: ["--nnunet", "v1", "--trainer", trainer, "--plans", plans],
    folderOf: (fold) => folderOfV1(modelFolder, fold),
    stateOf: foldStateOfV1,
    async prepare(open, hasQueued) {
      if ((open.length > 1 || hasQueued) && !(await isUnpacked(data))) {
        const others = `when the first one's log in ${join(modelFolder, "slurm")} shows its first epoch`;
        throw nnunetError(
          "FOLD_IN_USE",
          `v1 unpacks the cases in ${data.folder} when its first training starts, and folds that start together would read incomplete files; ${
            hasQueued
              ? `Slurm has a fold of this model already: submit others ${others}`
              : `submit one fold, such as \`--folds ${open[0]}\`, and the others ${others}`
          }`,
        );
      }
      if (folds.some((fold) => fold !== "all")) await writeSplits(preprocessedFolder, data.caseIds);
      return [];
    },
  };
}
