import { defaultCheckpoint } from "../checkpoint/network/default-checkpoint.js";
import type {
  ArchivedFiles,
  ModelCandidate,
  ModelFolder,
  TrainedModel,
} from "../checkpoint/network/trained-model.js";
import { identifyModel } from "../checkpoint/nnunet-formats.js";
import type { ArchiveTree } from "../ground/archive/archive-tree.js";
import { chooseModel } from "./choose-model.js";
import { findModelFolders } from "./find-model-folders.js";
import { presentFolds, selectFolds } from "./folds.js";
import { taskIdentity } from "./task-identity.js";

export interface FindModelOptions {
  /** A model folder, or a tree that contains model folders, such as `nnUNet_results` or a dataset's folder. */
  readonly modelDir: string;
  /** The task that the model must belong to; absent to accept any. */
  readonly taskId?: number;
  readonly taskName?: string;
  /** Needed only if the tree holds several. */
  readonly configuration?: string;
  /** File name inside a fold; default: nnU-Net's, `checkpoint_final.pth` or `model_final_checkpoint.model`. */
  readonly checkpointName?: string;
  /** Default: every `fold_k` with the checkpoint; `fold_all` only if it is the only one. */
  readonly folds?: readonly string[];
  /** The archived files that `localModelFolder` returns with `modelDir`. */
  readonly archived?: ArchivedFiles;
  readonly tree?: ArchiveTree;
}

/**
 * Finds the trained model that the options name.
 *
 * @throws MODEL_NOT_FOUND, MODEL_AMBIGUOUS, MODEL_TASK_MISMATCH, FOLD_MISSING, MODEL_FILE_INVALID, CHECKPOINT_*
 */
export async function findModel(options: FindModelOptions): Promise<TrainedModel> {
  const foldsOf = (modelFolder: ModelFolder) =>
    presentFolds(modelFolder, checkpointNameOf(options, modelFolder.nnunetVersion), options);
  const candidates: ModelCandidate[] = [];
  for (const modelFolder of await findModelFolders(options.modelDir)) {
    candidates.push(await identifyModel(modelFolder, async () => (await foldsOf(modelFolder)).folds[0]));
  }
  const { modelFolder, datasetName, configuration } = chooseModel(candidates, options);
  const { nnunetVersion, folder } = modelFolder;
  return {
    folder,
    nnunetVersion,
    task: taskIdentity(datasetName),
    datasetName,
    configuration,
    networkFormat: "checkpoint",
    checkpointName: checkpointNameOf(options, nnunetVersion),
    ...selectFolds(await foldsOf(modelFolder), options.folds ?? []),
    ...(options.archived === undefined ? {} : { archived: options.archived }),
    ...(options.tree === undefined ? {} : { tree: options.tree }),
  };
}

/** v1's names for the checkpoints of v2. */
const namesOfV1: Readonly<Record<string, string>> = {
  "checkpoint_final.pth": defaultCheckpoint(1),
  "checkpoint_best.pth": "model_best.model",
};

/** Translates v2's names for v1, and adds the ending that nnU-Net v1's own programs let users omit. */
function checkpointNameOf({ checkpointName }: FindModelOptions, version: 1 | 2): string {
  if (checkpointName === undefined) return defaultCheckpoint(version);
  const translated = version === 1 ? namesOfV1[checkpointName] : undefined;
  if (translated !== undefined) return translated;
  const lacksEnding = version === 1 && !checkpointName.includes(".");
  return lacksEnding ? `${checkpointName}.model` : checkpointName;
}
