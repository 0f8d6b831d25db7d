import { join } from "node:path";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { findDatasetName } from "../../find-dataset.js";
import { type NnunetFolders, requireFolder } from "../../folders.js";
import { changeTrainer } from "../../model-files/change-trainer.js";
import { type FoldClaim, withClaimedFolds } from "../claim-folds.js";
import { eachFold, type Fold } from "../each-fold.js";
import {
  checkpointsOfV1,
  type FoldState,
  foldStateOfV1,
  olderResults,
  plannedEpochs,
  putDamagedAside,
} from "../fold-state.js";
import type { FoldEvent, TrainedFolds } from "../train.js";
import { trainFold } from "../train-fold.js";
import { checkTaskTraining } from "./check-task-training.js";
import { TrainingLogOfV1 } from "./training-log-v1.js";
import { validationDiceOfV1 } from "./validation-dice-v1.js";

export interface TrainTaskOptions {
  /** A number or a name. */
  readonly task: string;
  readonly configuration: string;
  readonly folds: readonly Fold[];
  /** Null for the one that v1 takes for the configuration and the number of GPUs. */
  readonly trainer: string | null;
  readonly plans: string;
  readonly folders: NnunetFolders;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The folder with v1's programs; null to look in PATH. */
  readonly programFolder: string | null;
  readonly gpus: readonly number[];
  /** GPUs for each fold, through v1's own DP or DDP. */
  readonly gpusPerFold: number;
  readonly parallel: "dp" | "ddp";
  readonly savesProbabilities: boolean;
  readonly pretrainedWeights: string | null;
  readonly restart: boolean;
  readonly onEvent: (event: FoldEvent) => void;
  readonly onWarning: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Trains folds of a model with nnU-Net v1. A fold that an earlier run began is continued (`-c`), a trained one is validated
 * (`-val`), and a finished one is left as it is.
 *
 * @throws the errors of `checkTaskTraining`, before anything is trained
 */
export async function trainTask(options: TrainTaskOptions): Promise<TrainedFolds> {
  const { folds, gpus, signal } = options;
  const { taskName, trainer, modelFolder } = await checkedTaskTraining(options);
  const folderOf = (fold: Fold): string => folderOfV1(modelFolder, fold);
  const trained = await withClaimedFolds(folds.map(folderOf), options, (claimOf) =>
    eachFold({ folds, gpus, signal }, (fold, gpu, onBegin) => {
      const foldFolder = folderOf(fold);
      const claim = claimOf(foldFolder);
      return trainOne(options, { taskName, trainer, foldFolder, claim, fold, gpu, onBegin });
    }),
  );
  // Prediction does not know the trainers of several GPUs.
  const single = trainer.replace(/_D?DP$/, "");
  if (single !== trainer && trained.trained.length > 0) await changeTrainer(modelFolder, single);
  return { modelFolder, ...trained };
}

export const folderOfV1 = (modelFolder: string, fold: Fold): string =>
  join(modelFolder, fold === "all" ? "all" : `fold_${fold}`);

/** What decides whether a training can begin. */
type CheckedTask = Pick<
  TrainTaskOptions,
  | "task"
  | "configuration"
  | "folds"
  | "trainer"
  | "plans"
  | "folders"
  | "gpusPerFold"
  | "parallel"
  | "pretrainedWeights"
>;

/**
 * Returns where a training of v1 that can begin writes, and what it reads.
 *
 * @throws the errors of `checkTaskTraining`
 */
export async function checkedTaskTraining(options: CheckedTask) {
  const { folders, configuration, plans, folds } = options;
  if (configuration === "3d_cascade_fullres" && options.gpusPerFold > 1 && options.trainer === null)
    throw sharedError(
      "USAGE",
      "v1 has no trainer that shares the second stage of a cascade among GPUs; --gpus trains each fold on one GPU",
    );
  const taskName = await findDatasetName(options.task, folders);
  const trainer = options.trainer ?? usualTrainer(options);
  const results = requireFolder(folders, "results");
  const modelFolder = join(results, configuration, taskName, `${trainer}__${plans}`);
  const preprocessedFolder = join(requireFolder(folders, "preprocessed"), taskName);
  const data = await checkTaskTraining({
    preprocessedFolder,
    modelFolder,
    plans,
    configuration,
    folds,
    pretrainedWeights: options.pretrainedWeights,
    firstStageTrainer: "nnUNetTrainerV2",
  });
  return { taskName, trainer, modelFolder, preprocessedFolder, data };
}

function usualTrainer({ configuration, gpusPerFold, parallel }: CheckedTask): string {
  if (gpusPerFold > 1) return parallel === "dp" ? "nnUNetTrainerV2_DP" : "nnUNetTrainerV2_DDP";
  return configuration === "3d_cascade_fullres" ? "nnUNetTrainerV2CascadeFullRes" : "nnUNetTrainerV2";
}

interface FoldOfTask {
  readonly taskName: string;
  readonly trainer: string;
  readonly foldFolder: string;
  readonly claim: FoldClaim;
  readonly fold: Fold;
  readonly gpu: number | null;
  readonly onBegin: () => void;
}

/** @returns false if the fold was finished before */
async function trainOne(options: TrainTaskOptions, place: FoldOfTask): Promise<boolean> {
  const { onEvent, onWarning, environment, restart, signal } = options;
  const { foldFolder, claim, fold, gpu, onBegin } = place;
  for (const path of restart ? [] : await putDamagedAside(foldFolder, checkpointsOfV1))
    onWarning(`fold ${fold}: nnU-Net was stopped while it wrote a checkpoint; its part is now ${path}`);
  const state = restart ? "new" : await foldStateOfV1(foldFolder);
  if (state === "finished") {
    onEvent({ kind: "skipped", fold, epochs: null });
    return false;
  }
  onEvent({ kind: "started", state, picture: join(foldFolder, "progress.png"), fold, epochs: null });
  let epochs: number | null = null;
  const removeOlder = options.restart ? await olderResults(foldFolder, 1) : null;
  await trainFold({
    command: {
      ...commandOf(options, place, state),
      environment: {
        ...environment,
        ...(gpu === null ? {} : { CUDA_VISIBLE_DEVICES: String(gpu) }),
        // torch 2.6 and later would refuse the checkpoints that v1 itself has written.
        TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD: "1",
      },
      container: null,
    },
    foldFolder,
    log: new TrainingLogOfV1(),
    onBegin: async () => {
      onBegin();
      await removeOlder?.();
    },
    onEvent: (event) => {
      if (epochs !== null || event.kind !== "epoch-started") onEvent({ ...event, fold, epochs });
      else
        void plannedEpochs(foldFolder).then((found) => {
          epochs = found;
          onEvent({ ...event, fold, epochs });
        });
    },
    onStart: (pid) => claim.noteTrainer(pid, null),
    signal: AbortSignal.any([signal, claim.lost]),
  });
  const meanDice = await validationDiceOfV1(foldFolder);
  if (meanDice !== null) onEvent({ kind: "validated", meanDice, fold, epochs });
  return true;
}

/**
 * Returns the program that trains a fold. DDP has a launcher that starts one process for each GPU; since torch 2.0 it passes
 * the number as `--local-rank`, which v1 does not know.
 */
function commandOf(
  options: TrainTaskOptions,
  { taskName, trainer, fold }: FoldOfTask,
  state: FoldState,
): { readonly program: string; readonly argv: readonly string[] } {
  const { programFolder, configuration, plans, gpusPerFold, parallel, savesProbabilities } = options;
  const inFolder = (name: string): string => (programFolder === null ? name : join(programFolder, name));
  const weights =
    options.pretrainedWeights === null ? [] : ["-pretrained_weights", options.pretrainedWeights];
  const common = [
    ...[configuration, trainer, taskName, String(fold), "-p", plans],
    ...(savesProbabilities ? ["--npz"] : []),
    ...(state === "interrupted" ? ["-c"] : state === "not-validated" ? ["-val"] : weights),
  ];
  if (gpusPerFold === 1) return { program: inFolder("nnUNet_train"), argv: common };
  if (parallel === "dp")
    return { program: inFolder("nnUNet_train_DP"), argv: [...common, "-gpus", String(gpusPerFold), "--dbs"] };
  const python = inFolder("python");
  return {
    program: python,
    argv: [
      ...["-m", "torch.distributed.run", `--nproc_per_node=${gpusPerFold}`, "--no-python"],
      ...["sh", "-c", `exec "$0" -m nnunet.run.run_training_DDP "$@" --local_rank "$LOCAL_RANK"`],
      ...[python, ...common, "--dbs"],
    ],
  };
}
