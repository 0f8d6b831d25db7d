import { basename, dirname, join, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import { readBundleConfig } from "../checkpoint/monai/bundle-config.js";
import { readBundleNetwork } from "../checkpoint/monai/bundle-network.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

const configPlaces = [
  "configs/inference.json",
  "configs/inference.yaml",
  "configs/inference.yml",
  "inference.json",
];

const weightPlaces = ["models/model.pt", "models/model.ts", "model.pt", "model.ts"];

/**
 * Finds a bundle of MONAI: a folder with `configs/inference.json` and `models/model.pt`. Returns null for a folder without
 * such a configuration.
 *
 * @throws MODEL_NOT_FOUND for a bundle without weights; BUNDLE_UNSUPPORTED for a network that is not built in
 */
export async function findMonaiBundle(folder: string, query: ModelQuery): Promise<TrainedModel | null> {
  const configFile = await firstOf(folder, configPlaces);
  if (configFile === null) return null;
  const config = await readBundleConfig(configFile);
  const field = config.get("network_def", "network", "net", "model");
  if (field.isNull || field.isString) return null;
  const { dimensions } = readBundleNetwork(field);
  const wanted = query.checkpointName;
  const places = wanted === null ? weightPlaces : [join("models", wanted), wanted];
  const checkpointFile = await firstOf(folder, places);
  if (checkpointFile === null)
    throw sharedError(
      "MODEL_NOT_FOUND",
      `${folder} is a bundle of MONAI, but has no weights; they should be in ${places.join(", ")}`,
    );
  const root = dirname(configFile);
  const datasetName = basename(resolve(folder));
  return {
    folder,
    nnunetVersion: 2,
    task: taskIdentity(datasetName),
    datasetName,
    configuration: dimensions === 2 ? "2d" : "3d",
    networkFormat: "checkpoint",
    nvidia: null,
    monai: { configFile, metadataFile: await firstOf(root, ["metadata.json"]) },
    checkpointName: basename(checkpointFile),
    folds: [{ fold: "0", checkpointFile, range: null }],
    leftOut: [],
    tree: null,
  };
}

async function firstOf(folder: string, places: readonly string[]): Promise<string | null> {
  for (const place of places) {
    const path = join(folder, place);
    if (await exists(path)) return path;
  }
  return null;
}
