import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { ifPresent, isFile } from "../../../processor/files/exists.js";
import { someOf } from "../../ground/some-of.js";
import { modelFolderName, type TrainedName } from "../selection/best-model.js";
import { neighbouringModels } from "./neighbouring-models.js";

export interface ExportSelection {
  /** nnU-Net's folder of trained models, which names in the archive are relative to. */
  readonly resultsFolder: string;
  readonly datasetName: string;
  readonly trainer: string;
  readonly plans: string;
  readonly configurations: readonly string[];
  readonly folds: readonly (number | "all")[];
  /** Names of checkpoint files. */
  readonly checkpoints: readonly string[];
  /** True to also take the segmentations of the validation. */
  readonly withPredictions: boolean;
}

const crossValidationFiles = ["summary.json", "postprocessing.pkl", "postprocessing.json"];

/**
 * Lists the files that `nnUNetv2_export_model_to_zip` puts into an archive, in its order: the inference information only if
 * there is a folder for ensembles, and never inference_instructions.txt. Unlike there, every missing file is reported before
 * the first one is written.
 *
 * @returns paths below the results folder
 * @throws MODEL_NOT_FOUND, FOLD_MISSING
 */
export async function filesOfModel(selection: ExportSelection): Promise<readonly string[]> {
  const { resultsFolder, datasetName } = selection;
  const paths: string[] = [];
  for (const configuration of selection.configurations)
    for (const path of await filesOfConfiguration(selection, configuration)) paths.push(path);
  const ensembles = await filesOfEnsembles(selection);
  if (ensembles === null) return paths;
  for (const path of ensembles) paths.push(path);
  for (const name of ["inference_information.json", "inference_information.txt"]) {
    const path = `${datasetName}/${name}`;
    if (await isFile(join(resultsFolder, path))) paths.push(path);
  }
  return paths;
}

async function filesOfConfiguration(
  selection: ExportSelection,
  configuration: string,
): Promise<readonly string[]> {
  const { resultsFolder, datasetName, trainer, plans, folds, checkpoints, withPredictions } = selection;
  const model = `${datasetName}/${modelFolderName({ trainer, plans, configuration })}`;
  const has = (path: string): Promise<boolean> => isFile(join(resultsFolder, path));
  if ((await namesIn(join(resultsFolder, model))).length === 0)
    throw sharedError(
      "MODEL_NOT_FOUND",
      `${join(resultsFolder, model)} does not exist, or has no files${await neighbouringModels(join(resultsFolder, model))}`,
    );
  const missing: string[] = [];
  const paths: string[] = [];
  const need = async (path: string): Promise<void> => {
    ((await has(path)) ? paths : missing).push(path);
  };
  const take = async (path: string): Promise<void> => {
    if (await has(path)) paths.push(path);
  };
  for (const fold of folds) {
    const folder = `${model}/fold_${fold}`;
    await take(`${folder}/debug.json`);
    for (const checkpoint of checkpoints) await need(`${folder}/${checkpoint}`);
    await need(`${folder}/progress.png`);
    await take(`${folder}/network_architecture.pdf`);
    if (withPredictions) {
      const names = await namesIn(join(resultsFolder, folder, "validation"));
      if (names.length === 0) missing.push(`${folder}/validation`);
      for (const name of names.filter(isPrediction)) paths.push(`${folder}/validation/${name}`);
    } else await need(`${folder}/validation/summary.json`);
  }
  const crossValidation = `${model}/crossval_results_folds_${folds.join("_")}`;
  const collected = await namesIn(join(resultsFolder, crossValidation));
  const wanted = withPredictions ? collected : crossValidationFiles;
  for (const name of wanted) await take(`${crossValidation}/${name}`);
  for (const name of ["plans.json", "dataset_fingerprint.json", "dataset.json"])
    await need(`${model}/${name}`);
  if (missing.length > 0) throw sharedError("FOLD_MISSING", `${resultsFolder} lacks ${someOf(missing)}`);
  return paths;
}

const isPrediction = (name: string): boolean => !name.endsWith(".npz") && !name.endsWith(".pkl");

/**
 * Returns the files of each ensemble whose members are all exported: its post-processing, and its predictions if they are
 * wanted. Returns null without an `ensembles` folder.
 */
async function filesOfEnsembles(selection: ExportSelection): Promise<readonly string[] | null> {
  const { resultsFolder, datasetName, trainer, plans, configurations, withPredictions } = selection;
  const exported = new Set(
    configurations.map((configuration) =>
      modelFolderName({ trainer, plans, configuration } satisfies TrainedName),
    ),
  );
  const parent = `${datasetName}/ensembles`;
  const paths: string[] = [];
  const names = await foldersIn(join(resultsFolder, parent));
  if (names === null) return null;
  for (const name of names) {
    const members = name.split("___").slice(1, -1);
    if (members.length === 0 || !members.every((member) => exported.has(member))) continue;
    const present = await namesIn(join(resultsFolder, parent, name));
    const wanted = withPredictions ? present : crossValidationFiles.filter((file) => present.includes(file));
    for (const file of wanted) paths.push(`${parent}/${name}/${file}`);
  }
  return paths;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  const entries = (await ifPresent(readdir(folder, { withFileTypes: true }))) ?? [];
  return entries
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
    .sort();
}

async function foldersIn(folder: string): Promise<readonly string[] | null> {
  const entries = await ifPresent(readdir(folder, { withFileTypes: true }));
  if (entries === null) return null;
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}
