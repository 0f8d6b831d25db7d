import { statfs } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { namesIn } from "../evaluation/evaluate-folder.js";

export interface TrainingPlace {
  /** `<nnUNet_preprocessed>/<data set>` */
  readonly preprocessedFolder: string;
  /** `<nnUNet_results>/<data set>/<trainer>__<plans>__<configuration>` */
  readonly modelFolder: string;
  readonly plans: string;
  readonly configuration: string;
  /** The GPUs that share the batch of a fold. */
  readonly gpusPerFold: number;
}

/** Checkpoints, pictures and validation of one fold of nnU-Net's largest plans need about 2 GB. */
const neededBytes = 4e9;

/**
 * Refuses a training that would fail after it has started, or after hours.
 *
 * @returns warnings
 * @throws NOT_PREPROCESSED, USAGE, DISK_FULL
 */
export async function checkTraining(place: TrainingPlace): Promise<readonly string[]> {
  const { preprocessedFolder, plans, configuration } = place;
  const plansFile = join(preprocessedFolder, `${plans}.json`);
  if (!(await exists(plansFile))) throw nnunetError("NOT_PREPROCESSED", `${plansFile} does not exist`);
  const plansJson = await readJsonFile(plansFile);
  const configurations = plansJson.get("configurations");
  if (!configurations.keys().includes(configuration))
    throw sharedError(
      "USAGE",
      `${plansFile} has no configuration ${configuration}; it has ${configurations.keys().join(", ")}`,
    );
  const own = configurations.get(configuration);
  const parent = own.get("inherits_from");
  const settings = parent.isNull ? own : configurations.get(parent.string());
  checkBatch(place, settings.get("batch_size").raw);
  await checkData(place, settings.get("data_identifier").string());
  const previous = own.get("previous_stage");
  if (!previous.isNull) await checkPreviousStage(place, previous.string());
  await checkDisk(place.modelFolder);
  return warningsOf(settings.get("architecture").get("arch_kwargs").get("n_stages").raw, plansFile);
}

/** nnU-Net gives every GPU at least one image of the batch, and fails after its start otherwise. */
function checkBatch({ gpusPerFold, configuration }: TrainingPlace, batchSize: unknown): void {
  if (typeof batchSize === "number" && batchSize < gpusPerFold)
    throw sharedError(
      "USAGE",
      `${configuration} has a batch of ${batchSize}, which ${gpusPerFold} GPUs cannot share; --gpus-per-fold is at most ${batchSize}`,
    );
}

async function checkData({ preprocessedFolder }: TrainingPlace, identifier: string): Promise<void> {
  for (const name of ["dataset.json", "dataset_fingerprint.json", "gt_segmentations"])
    if (!(await exists(join(preprocessedFolder, name))))
      throw nnunetError("NOT_PREPROCESSED", `${join(preprocessedFolder, name)} does not exist`);
  const folder = join(preprocessedFolder, identifier);
  const names = (await exists(folder)) ? await namesIn(folder, ".pkl") : [];
  if (names.length === 0) throw nnunetError("NOT_PREPROCESSED", `${folder} has no preprocessed case`);
  const references = await namesIn(join(preprocessedFolder, "gt_segmentations"), "");
  if (names.length < references.length)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} has ${names.length} cases, but gt_segmentations has ${references.length}`,
    );
}

/** A cascade's second stage trains on the predictions of the first one for all cases. */
async function checkPreviousStage({ modelFolder }: TrainingPlace, previous: string): Promise<void> {
  const first = join(modelFolder, "..", `${modelNamePrefix(modelFolder)}${previous}`);
  const predictions = join(first, "predicted_next_stage");
  if (!(await exists(predictions)))
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${predictions} does not exist: all folds of ${previous} must be trained before the second stage`,
    );
}

/** @example modelNamePrefix("…/nnUNetTrainer__nnUNetPlans__3d_fullres") // "nnUNetTrainer__nnUNetPlans__" */
const modelNamePrefix = (modelFolder: string): string => /([^/\\]+__)[^/\\]+$/.exec(modelFolder)?.[1] ?? "";

export async function checkDisk(modelFolder: string): Promise<void> {
  const free = await freeBytes(modelFolder);
  if (free !== null && free < neededBytes)
    throw sharedError(
      "DISK_FULL",
      `${modelFolder}: ${(free / 1e9).toFixed(1)} GB are free, but a training needs about ${neededBytes / 1e9} GB`,
    );
}

/** Returns the free bytes of the file system of a folder that may not exist yet; null if nobody can tell. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let place = folder; ; place = join(place, "..")) {
    const found = await statfs(place).catch(() => null);
    if (found !== null) return found.bavail * found.bsize;
    if (join(place, "..") === place) return null;
  }
}

/**
 * nnU-Net gives the lowest output of the decoder no weight; a network of two stages has only that one, so its loss is 0/0.
 */
function warningsOf(stages: unknown, plansFile: string): readonly string[] {
  if (stages !== 1 && stages !== 2) return [];
  return [
    `${plansFile}: the network has ${stages} stage${stages === 1 ? "" : "s"}, and nnU-Net's loss is NaN for fewer than three; plan with a larger patch`,
  ];
}
