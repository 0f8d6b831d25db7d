import { join } from "node:path";
import type { ModelCandidate, ModelFolder, TrainedFold } from "../network/trained-model.js";
import { readJsonFile } from "../read-json-file.js";
import { readCheckpointV2 } from "./read-checkpoint.js";

/**
 * Identifies the model by the folder names or, if they do not follow nnU-Net's pattern, by plans.json and a
 * checkpoint. A broken model therefore does not prevent the use of the models next to it.
 *
 * @param findFold returns any fold that has a checkpoint
 */
export async function identifyModelV2(
  modelFolder: ModelFolder,
  findFold: () => Promise<TrainedFold>,
): Promise<ModelCandidate> {
  const { folder, pathNames } = modelFolder;
  return {
    modelFolder,
    datasetName:
      pathNames.datasetName ?? (await readJsonFile(join(folder, "plans.json"))).get("dataset_name").string(),
    configuration: pathNames.configuration ?? (await readCheckpointV2(await findFold())).configuration,
  };
}
