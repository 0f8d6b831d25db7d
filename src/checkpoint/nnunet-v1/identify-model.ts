import { basename, dirname } from "node:path";
import type { ModelCandidate } from "../../models/choose-model.js";
import type { ModelFolder, TrainedFold } from "../../network/trained-model.js";
import { readTrainingRecord } from "./training-record.js";

/**
 * What the names of the folders say and, only where they say nothing, what lies beside a checkpoint.
 *
 * @param findFold any fold with its checkpoint
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
