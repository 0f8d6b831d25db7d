import { basename, dirname, join, parse, posix, resolve } from "node:path";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { exists } from "../../processor/files/exists.js";
import { readBundleConfig } from "../checkpoint/monai/bundle-config.js";
import { readBundleNetwork } from "../checkpoint/monai/bundle-network.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import type { ArchiveTree } from "../ground/archive/archive-tree.js";
import { builderError } from "../ground/errors/builder-errors.js";
import type { ModelQuery } from "./model-query.js";
import { taskIdentity } from "./task-identity.js";

const configPlaces = [
  "configs/inference.json",
  "configs/inference.yaml",
  "configs/inference.yml",
  "inference.json",
];

const weightPlaces = ["models/model.pt", "models/model.ts", "model.pt", "model.ts"];

/** A bundle in an archive. */
export interface LocatedBundle {
  /** The folder in the archive; `.` for the archive's own root. */
  readonly folder: string;
  /** The paths in the archive of the files that are read. */
  readonly files: readonly string[];
}

/**
 * Finds a bundle among the paths of an archive, which has it in a folder or as its only content; null if there is none.
 *
 * @throws MODEL_AMBIGUOUS for an archive with several
 */
export function bundleInArchive(
  address: string,
  paths: readonly string[],
  query: ModelQuery,
): LocatedBundle | null {
  const configs = paths.filter((path) => /(?:^|\/)configs\/inference\.(?:json|ya?ml)$/.test(path));
  const [folder, ...others] = new Set(configs.map((path) => posix.dirname(posix.dirname(path))));
  if (folder === undefined) return null;
  if (others.length > 0)
    throw builderError(
      "MODEL_AMBIGUOUS",
      `${address} has several bundles of MONAI: ${[folder, ...others].join(", ")}; unpack it and name the folder of one`,
    );
  const read = [...configPlaces, ...placesOfWeights(query), "configs/metadata.json"];
  return { folder, files: read.map((place) => posix.join(folder, place)) };
}

const placesOfWeights = ({ checkpointName }: ModelQuery): readonly string[] =>
  checkpointName === null ? weightPlaces : [join("models", checkpointName), checkpointName];

/**
 * Finds a bundle of MONAI: a folder with `configs/inference.json` and `models/model.pt`. Returns null for a folder without
 * such a configuration.
 *
 * @param tree the archive that the folder was unpacked from; null for the user's own folder
 * @throws MODEL_NOT_FOUND for a bundle without weights; BUNDLE_UNSUPPORTED for a network that is not built in
 */
export async function findMonaiBundle(
  folder: string,
  query: ModelQuery,
  tree: ArchiveTree | null = null,
): Promise<TrainedModel | null> {
  const configFile = await firstOf(folder, configPlaces);
  if (configFile === null) return null;
  const config = await readBundleConfig(configFile);
  const field = config.get("network_def", "network", "net", "model");
  if (field.isNull || field.isString) return null;
  const { dimensions } = readBundleNetwork(field);
  const places = placesOfWeights(query);
  const checkpointFile = await firstOf(folder, places);
  if (checkpointFile === null)
    throw sharedError(
      "MODEL_NOT_FOUND",
      `${folder} is a bundle of MONAI, but has no weights; they should be in ${places.join(", ")}`,
    );
  const root = dirname(configFile);
  const datasetName = folder === tree?.folder ? parse(tree.address).name : basename(resolve(folder));
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
    tree,
  };
}

async function firstOf(folder: string, places: readonly string[]): Promise<string | null> {
  for (const place of places) {
    const path = join(folder, place);
    if (await exists(path)) return path;
  }
  return null;
}
