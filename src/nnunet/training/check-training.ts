import { statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { didYouMean } from "../../../processor/files/nearest-path.js";
import type { Field } from "../../checkpoint/fields.js";
import { resolveConfiguration } from "../../checkpoint/nnunet-v2/configuration.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { namesIn } from "../files/names-in.js";
import { type NnunetFolders, requireFolder } from "../folders.js";
import type { Split } from "../preprocessing/splits.js";
import { writeSplits } from "../preprocessing/write-splits.js";
import { modelFolderName, type TrainedName } from "../selection/best-model.js";
import { checkCases, missingParts, preprocessedFolder } from "./check-cases.js";
import type { Fold } from "./each-fold.js";

export interface TrainingPlace extends ModelPlace {
  readonly modelFolder: string;
  readonly folds: readonly Fold[];
  /** A checkpoint whose weights a new training starts from. */
  readonly pretrainedWeights: string | null;
  /** The GPUs that share the batch of a fold. */
  readonly gpusPerFold: number;
}

export interface ModelPlace {
  /** `<nnUNet_preprocessed>/<data set>` */
  readonly preprocessedFolder: string;
  /** `<nnUNet_results>/<data set>` */
  readonly resultsFolder: string;
  readonly trainer: string;
  /** The name of the plans' file. */
  readonly plans: string;
  readonly configuration: string;
}

/** Returns where a model is trained: the folders of its data set, and its name. */
export const modelPlace = (
  folders: NnunetFolders,
  datasetName: string,
  { trainer, plans, configuration }: TrainedName,
): ModelPlace => ({
  preprocessedFolder: join(requireFolder(folders, "preprocessed"), datasetName),
  resultsFolder: join(requireFolder(folders, "results"), datasetName),
  trainer,
  plans,
  configuration,
});

/**
 * Returns the folder in which nnU-Net trains: `<trainer>__<plans>__<configuration>` with the name that the plans have
 * inside, whatever their file is called.
 *
 * @throws NOT_PREPROCESSED without plans; USAGE for plans of another data set, in whose folders nnU-Net would look
 */
export async function trainedFolder(place: ModelPlace): Promise<string> {
  const { preprocessedFolder, resultsFolder, trainer, plans, configuration } = place;
  const plansJson = await readPlans(place);
  const dataset = plansJson.get("dataset_name").raw;
  if (typeof dataset === "string" && dataset !== basename(preprocessedFolder))
    throw sharedError(
      "USAGE",
      `${plansJson.path} is of ${dataset}, whose folders nnU-Net would take; \`build_processor move-plans\` makes plans for ${basename(preprocessedFolder)} of them`,
    );
  const name = plansJson.get("plans_name").raw;
  return join(
    resultsFolder,
    modelFolderName({ trainer, plans: typeof name === "string" ? name : plans, configuration }),
  );
}

/**
 * Writes the folds that nnU-Net's first training would write. Several trainings that start at once would read each other's
 * half-written file.
 */
export async function writeFirstSplits(place: ModelPlace): Promise<void> {
  await writeSplits(place.preprocessedFolder, (await preprocessedFolder(await dataFolder(place))).caseIds);
}

/** Warns of data that every training unpacks when it starts: trainings that start at once read each other's half-written files. */
export async function unpackingWarning(place: ModelPlace): Promise<readonly string[]> {
  const folder = await dataFolder(place);
  const { format, files, caseIds } = await preprocessedFolder(folder);
  if (format === "b2nd" || caseIds.every((id) => files.has(`${id}.npy`))) return [];
  return [
    `${folder} has .npz files, which nnU-Net unpacks when a training starts; folds that start at once may read half of one. Begin with one fold (--folds 0), or preprocess again without --format npz`,
  ];
}

async function dataFolder(place: ModelPlace): Promise<string> {
  const settings = resolveConfiguration(await readPlans(place), place.configuration);
  return join(place.preprocessedFolder, settings.get("data_identifier").string());
}

async function readPlans({ preprocessedFolder, plans }: ModelPlace): Promise<Field> {
  const plansFile = join(preprocessedFolder, `${plans}.json`);
  if (!(await exists(plansFile)))
    throw nnunetError("NOT_PREPROCESSED", `${plansFile} does not exist${await didYouMean(plansFile)}`);
  return readJsonFile(plansFile);
}

/** Checkpoints, pictures and validation of one fold of nnU-Net's largest plans need about 2 GB. */
const neededBytes = 4e9;

/**
 * Refuses a training that would fail after it has started, or after hours.
 *
 * @returns warnings
 * @throws NOT_PREPROCESSED, USAGE, INPUT_NOT_FOUND, DISK_FULL
 */
export async function checkTraining(place: TrainingPlace): Promise<readonly string[]> {
  const { configuration, pretrainedWeights } = place;
  const plansJson = await readPlans(place);
  const plansFile = plansJson.path;
  const configurations = plansJson.get("configurations");
  if (!configurations.keys().includes(configuration))
    throw sharedError(
      "USAGE",
      `${plansFile} has no configuration ${configuration}; it has ${configurations.keys().join(", ")}`,
    );
  const settings = resolveConfiguration(plansJson, configuration);
  checkBatch(place, settings.get("batch_size").raw);
  if (pretrainedWeights !== null && !(await exists(pretrainedWeights)))
    throw sharedError("INPUT_NOT_FOUND", `--pretrained-weights: ${pretrainedWeights} does not exist`);
  const splits = await checkData(place, settings.get("data_identifier").string());
  const previous = settings.get("previous_stage");
  if (!previous.isNull) await checkPreviousStage(place, previous.string(), splits);
  const next = settings.get("next_stage");
  for (const name of next.isNull ? [] : typeof next.raw === "string" ? [next] : next.list())
    await checkNextStage(place, name.string(), resolveConfiguration(plansJson, name.string()), splits);
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

async function checkData(place: TrainingPlace, identifier: string): Promise<readonly Split[]> {
  const inDataset = (name: string): string => join(place.preprocessedFolder, name);
  for (const name of ["dataset.json", "dataset_fingerprint.json", "gt_segmentations"])
    if (!(await exists(inDataset(name))))
      throw nnunetError("NOT_PREPROCESSED", `${inDataset(name)} does not exist`);
  const folder = inDataset(identifier);
  const names = (await exists(folder)) ? await namesIn(folder, ".pkl") : [];
  if (names.length === 0) throw nnunetError("NOT_PREPROCESSED", `${folder} has no preprocessed case`);
  const references = await namesIn(inDataset("gt_segmentations"), "");
  if (names.length < references.length)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} has ${names.length} cases, but gt_segmentations has ${references.length}`,
    );
  const { preprocessedFolder, folds } = place;
  const fileEnding = (await readJsonFile(inDataset("dataset.json"))).get("file_ending").string();
  return checkCases({ preprocessedFolder, dataFolder: folder, folds, fileEnding });
}

/** A cascade's second stage trains on, and validates with, the predictions of the first one for each case. */
async function checkPreviousStage(
  { modelFolder, configuration }: TrainingPlace,
  previous: string,
  splits: readonly Split[],
): Promise<void> {
  const first = join(modelFolder, "..", `${modelNamePrefix(modelFolder)}${previous}`);
  const predictions = join(first, "predicted_next_stage", configuration);
  const predicted = new Set(
    ((await exists(predictions)) ? await namesIn(predictions, "") : []).map((name) =>
      name.replace(/\.(?:b2nd|npz|npy)$/, ""),
    ),
  );
  const missing = new Set(splits.flatMap(({ train, val }) => [...train, ...val]));
  for (const name of predicted) missing.delete(name);
  if (missing.size > 0)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${predictions} ${predicted.size === 0 ? "does not exist" : `lacks ${someOf([...missing], 3)}`}: all folds of ${previous} must be trained before the second stage; a fold without validation/summary.json predicts its cases again`,
    );
}

/**
 * The validation of a cascade's first stage predicts in the size of the second one, whose data it reads for that: without
 * them, nnU-Net fails after the last epoch.
 */
async function checkNextStage(
  place: TrainingPlace,
  next: string,
  settings: Field,
  splits: readonly Split[],
): Promise<void> {
  const folder = join(place.preprocessedFolder, settings.get("data_identifier").string());
  const missing = (await exists(folder))
    ? missingParts(await preprocessedFolder(folder), new Set(splits.flatMap(({ val }) => val)))
    : null;
  if (missing === null || missing.length > 0)
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} ${missing === null ? "does not exist" : `lacks ${someOf(missing, 3)}`}: after the last epoch, ${place.configuration} predicts for ${next}, and reads its data`,
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

/** Returns the free bytes of the file system of a folder that may not exist yet; null if the system does not say. */
export async function freeBytes(folder: string): Promise<number | null> {
  for (let place = folder; ; place = join(place, "..")) {
    const found = await statfs(place).catch(() => null);
    if (found !== null) return found.bavail * found.bsize;
    if (join(place, "..") === place) return null;
  }
}

/** Less than this, such as the 64 MB that Docker gives a container, and nnU-Net's workers end with a bus error. */
const usualSharedBytes = 1e9;

/** Returns a warning if this machine, or the container that this program runs in, has little shared memory. */
export async function sharedMemoryWarning(
  workers: string | undefined,
  folder = "/dev/shm",
): Promise<string | null> {
  const found = await statfs(folder).catch(() => null);
  const bytes = found === null ? null : found.blocks * found.bsize;
  if (bytes === null || bytes >= usualSharedBytes || workers === "0") return null;
  return `${folder} has ${Math.round(bytes / 1e6)} MB, through which nnU-Net's workers pass their data: a bus error is likely; start the container with --shm-size 8g or the host's IPC, or set nnUNet_n_proc_DA=0`;
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
