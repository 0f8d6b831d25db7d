import { ownEntry } from "../../processor/contract/own-entry.js";
import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";
import type { ModelCandidate, ModelFolder, TrainedModel } from "../checkpoint/network/trained-model.js";
import { identifyModel } from "../checkpoint/nnunet-formats.js";
import { chooseModel } from "./choose-model.js";
import { findModelFolders } from "./find-model-folders.js";
import { presentFolds, selectFolds } from "./folds.js";
import type { LocalModel } from "./model-folder.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

/**
 * Finds the trained model that a query means in a folder: a model folder, or a tree that contains model folders, such
 * as `nnUNet_results` or a dataset's folder.
 *
 * @throws MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, FOLD_MISSING, MODEL_FILE_INVALID, CHECKPOINT_*
 */
export async function findModel({ modelDir, tree }: LocalModel, query: ModelQuery): Promise<TrainedModel> {
  const foldsOf = (modelFolder: ModelFolder) =>
    presentFolds(modelFolder, checkpointNameOf(query, modelFolder.nnunetVersion), tree);
  const candidates: ModelCandidate[] = [];
  for (const modelFolder of await findModelFolders(modelDir)) {
    candidates.push(await identifyModel(modelFolder, async () => (await foldsOf(modelFolder)).folds[0]));
  }
  const { modelFolder, datasetName, configuration } = chooseModel(candidates, modelDir, query);
  const { nnunetVersion, folder } = modelFolder;
  return {
    folder,
    nnunetVersion,
    task: taskIdentity(datasetName),
    datasetName,
    configuration,
    networkFormat: "checkpoint",
    nvidia: null,
    checkpointName: checkpointNameOf(query, nnunetVersion),
    ...selectFolds(await foldsOf(modelFolder), query.folds),
    tree,
  };
}

/** v1's names for the checkpoints of v2. */
const namesOfV1: Readonly<Record<string, string>> = {
  "checkpoint_final.pth": defaultCheckpoint(1),
  "checkpoint_best.pth": "model_best.model",
};

/** Translates v2's names for v1, and adds the ending that nnU-Net v1's own programs let users omit. */
function checkpointNameOf({ checkpointName }: ModelQuery, version: 1 | 2): string {
  if (checkpointName === null) return defaultCheckpoint(version);
  const translated = version === 1 ? ownEntry(namesOfV1, checkpointName) : undefined;
  if (translated !== undefined) return translated;
  const lacksEnding = version === 1 && !checkpointName.includes(".");
  return lacksEnding ? `${checkpointName}.model` : checkpointName;
}
