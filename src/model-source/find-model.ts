import { ProcessorError } from "../../processor/errors.js";
import { identifyModelV2 } from "../checkpoint/nnunet-v2/identify-model.js";
import { chooseModel, type ModelCandidate } from "./choose-model.js";
import { findModelFolders } from "./find-model-folders.js";
import { presentFolds, selectFolds } from "./folds.js";
import { taskIdentity } from "./task-identity.js";
import type { TrainedModel } from "./trained-model.js";

export interface FindModelOptions {
  /** A model folder, or a tree that holds some: `nnUNet_results`, a dataset's folder. */
  readonly modelDir: string;
  /** What the folder must be of; absent when any will do. */
  readonly taskId?: number;
  readonly taskName?: string;
  /** Needed only when the tree holds several. */
  readonly configuration?: string;
  readonly checkpointName?: string;
  /** Default: every `fold_k` with the checkpoint; `fold_all` only when it is the only one. */
  readonly folds?: readonly string[];
}

/**
 * Finds the one trained model that the options mean.
 *
 * @throws MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, FOLD_MISSING, MODEL_FILE_INVALID, CHECKPOINT_*
 */
export async function findModel(options: FindModelOptions): Promise<TrainedModel> {
  const { modelDir, checkpointName = "checkpoint_final.pth" } = options;
  const candidates: ModelCandidate[] = [];
  for (const modelFolder of await findModelFolders(modelDir)) {
    if (modelFolder.nnunetVersion === 1) {
      throw new ProcessorError("NOT_YET", `${modelFolder.folder} is a model of nnU-Net v1`);
    }
    const findCheckpoint = async () => (await presentFolds(modelFolder, checkpointName))[0].checkpointFile;
    candidates.push(await identifyModelV2(modelFolder, findCheckpoint));
  }
  const { modelFolder, datasetName, configuration } = chooseModel(candidates, options);
  const present = await presentFolds(modelFolder, checkpointName);
  return {
    folder: modelFolder.folder,
    nnunetVersion: modelFolder.nnunetVersion,
    task: taskIdentity(datasetName),
    datasetName,
    configuration,
    checkpointName,
    folds: selectFolds(present, options.folds ?? []),
  };
}
