import { join } from "node:path";
import type { ModelCandidate } from "../../models/choose-model.js";
import type { ModelFolder, TrainedFold } from "../../network/trained-model.js";
import { readJsonFile } from "../read-json-file.js";
import { readCheckpointV2 } from "./read-checkpoint.js";

/**
 * What the names of the folders say and, only where they say nothing, plans.json and a checkpoint: a broken model
 * does not stand in the way of its neighbours.
 *
 * @param findFold any fold with its checkpoint
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
