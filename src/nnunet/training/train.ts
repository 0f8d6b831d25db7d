import { join } from "node:path";
import { findDatasetName } from "../find-dataset.js";
import type { NnunetFolders } from "../folders.js";
import { checkTraining, modelPlace, sharedMemoryWarning, trainedFolder } from "./check-training.js";
import { type FoldClaim, withClaimedFolds } from "./claim-folds.js";
import { eachFold, type Fold, type FoldResults } from "./each-fold.js";
import { type FoldState, foldState, olderResults, plannedEpochs, putDamagedAside } from "./fold-state.js";
import { trainFold } from "./train-fold.js";
import { type Trainer, trainerCommand } from "./trainer-command.js";
import type { TrainingEvent } from "./training-log.js";

export interface TrainOptions {
  /** A number or a name. */
  readonly dataset: string;
  readonly configuration: string;
  readonly folds: readonly Fold[];
  readonly trainer: string;
  readonly plans: string;
  readonly folders: NnunetFolders;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly runner: Trainer;
  readonly device: "cuda" | "cpu" | "mps";
  /** GPUs to spread the folds over, one fold each; empty for the GPU that CUDA takes. */
  readonly gpus: readonly number[];
  /** GPUs for each fold, through nnU-Net's own DDP. */
  readonly gpusPerFold: number;
  /** True to save the probabilities of the validation, which ensembles need. */
  readonly savesProbabilities: boolean;
  /** A checkpoint whose weights a new training starts from. */
  readonly pretrainedWeights: string | null;
  /** True to train again from the beginning, although there are checkpoints. */
  readonly restart: boolean;
  readonly onEvent: (event: FoldEvent) => void;
  readonly onWarning: (text: string) => void;
  readonly signal: AbortSignal;
}

/** An event of one fold's training. */
export type FoldEvent = { readonly fold: Fold; readonly epochs: number | null } & (
  | TrainingEvent
  | {
      readonly kind: "started";
      readonly state: FoldState;
      /** The plot of losses and Dice that nnU-Net draws after each epoch. */
      readonly picture: string;
    }
  | { readonly kind: "skipped" }
);

export interface TrainedFolds extends FoldResults {
  readonly modelFolder: string;
}

/**
 * Trains folds of a model with nnU-Net. A fold that an earlier run began is continued, and a finished one is left as it
 * is. If one fold fails, the others are trained all the same.
 *
 * @throws the errors of `checkTraining`, and FOLD_IN_USE, before anything is trained
 */
export async function train(options: TrainOptions): Promise<TrainedFolds> {
  const { folds, gpus, onWarning, signal } = options;
  const { datasetName, modelFolder, warnings } = await checkedTraining(options);
  const { environment, runner } = options;
  const ofMemory =
    runner.kind === "program" ? await sharedMemoryWarning(environment["nnUNet_n_proc_DA"]) : null;
  for (const warning of [...warnings, ...(ofMemory === null ? [] : [ofMemory])]) onWarning(warning);
  const folderOf = (fold: Fold): string => join(modelFolder, `fold_${fold}`);
  const trained = await withClaimedFolds(folds.map(folderOf), options, (claimOf) =>
    eachFold({ folds, gpus, signal }, (fold, gpu, onBegin) => {
      const foldFolder = folderOf(fold);
      return trainOne(options, { datasetName, foldFolder, claim: claimOf(foldFolder), fold, gpu, onBegin });
    }),
  );
  return { modelFolder, ...trained };
}

/**
 * Returns where a training that can begin writes.
 *
 * @throws the errors of `checkTraining`
 */
export async function checkedTraining(options: TrainOptions) {
  const { folders, folds, pretrainedWeights, gpusPerFold } = options;
  const datasetName = await findDatasetName(options.dataset, folders);
  const place = modelPlace(folders, datasetName, options);
  const modelFolder = await trainedFolder(place);
  const warnings = await checkTraining({ ...place, modelFolder, folds, pretrainedWeights, gpusPerFold });
  return { datasetName, modelFolder, warnings };
}

interface FoldTask {
  readonly datasetName: string;
  readonly foldFolder: string;
  readonly claim: FoldClaim;
  readonly fold: Fold;
  readonly gpu: number | null;
  readonly onBegin: () => void;
}

/** @returns false if the fold was finished before */
async function trainOne(
  options: TrainOptions,
  { datasetName, foldFolder, claim, fold, gpu, onBegin }: FoldTask,
): Promise<boolean> {
  const { configuration, trainer, plans, onEvent } = options;
  if (!options.restart)
    for (const path of await putDamagedAside(foldFolder))
      options.onWarning(
        `fold ${fold}: nnU-Net was stopped while it wrote a checkpoint; its part is now ${path}`,
      );
  const state = options.restart ? "new" : await foldState(foldFolder);
  if (state === "finished") {
    onEvent({ kind: "skipped", fold, epochs: null });
    return false;
  }
  onEvent({ kind: "started", state, picture: join(foldFolder, "progress.png"), fold, epochs: null });
  const mode = state === "new" ? pretrained(options) : state === "interrupted" ? ["--c"] : ["--val"];
  let epochs: number | null = null;
  const removeOlder = options.restart ? await olderResults(foldFolder, 2) : null;
  const words = [
    ...[datasetName, configuration, String(fold), "-tr", trainer, "-p", plans, "-device", options.device],
    ...(options.gpusPerFold > 1 ? ["-num_gpus", String(options.gpusPerFold)] : []),
    ...(options.savesProbabilities ? ["--npz"] : []),
    ...mode,
  ];
  const command = trainerCommand(options, { fold, gpu }, words);
  await trainFold({
    command,
    foldFolder,
    onStart: (pid) => claim.noteTrainer(pid, command.container),
    onBegin: async () => {
      onBegin();
      await removeOlder?.();
    },
    onEvent: (event) => {
      // debug.json is there when the first epoch starts.
      if (epochs !== null || event.kind !== "epoch-started") onEvent({ ...event, fold, epochs });
      else
        void plannedEpochs(foldFolder).then((found) => {
          epochs = found;
          onEvent({ ...event, fold, epochs });
        });
    },
    signal: AbortSignal.any([options.signal, claim.lost]),
  });
  return true;
}

const pretrained = ({ pretrainedWeights }: TrainOptions): readonly string[] =>
  pretrainedWeights === null ? [] : ["-pretrained_weights", pretrainedWeights];
