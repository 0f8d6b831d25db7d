import { basename, dirname } from "node:path";
import type { ModelCandidate, ModelFolder, TrainedFold } from "../network/trained-model.js";
import { readTrainingRecord } from "./training-record.js";

/**
 * Identifies the model by the folder names or, if they do not follow nnU-Net's pattern, by the file next to a
 * checkpoint.
 *
 * @param findFold returns any fold that has a checkpoint
 */
export async function identifyModelV1(
  modelFolder: ModelFolder,
  findFold: () => Promise<TrainedFold>,
): Promise<ModelCandidate> {
  const { datasetName, configuration } = modelFolder.pathNames;
  if (datasetName !== null && configuration !== null) return { modelFolder, datasetName, configuration };
  const record = await readTrainingRecord((await findFold()).checkpointFile);
  return {
    modelFolder,
    datasetName: datasetName ?? record.datasetName ?? basename(dirname(modelFolder.folder)),
    configuration: configuration ?? record.configuration,
  };
}
