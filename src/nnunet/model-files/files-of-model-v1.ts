import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists, ifPresent } from "../../../processor/files/exists.js";
import { someOf } from "../../ground/some-of.js";

export interface ExportSelectionOfV1 {
  /** `nnUNet` in the folder that RESULTS_FOLDER names; names in the archive are relative to it. */
  readonly resultsFolder: string;
  readonly taskName: string;
  readonly trainer: string;
  /** The trainer of the second stage of a cascade. */
  readonly cascadeTrainer: string;
  readonly plans: string;
  readonly configurations: readonly string[];
  readonly folds: readonly (number | "all")[];
  /** False to leave out configurations without a model, and a missing post-processing. */
  readonly isStrict: boolean;
}

/** Files of each fold; the picture of the network is not always there. */
const neededFiles = [
  "debug.json",
  "model_final_checkpoint.model",
  "model_final_checkpoint.model.pkl",
  "progress.png",
];
const architectureFile = "network_architecture.pdf";

/**
 * Lists the files that v1's `nnUNet_export_model_to_zip` puts into an archive, in its order. Unlike there, every missing file is
 * reported before the first one is written.
 *
 * @returns paths below the results folder
 * @throws MODEL_NOT_FOUND, FOLD_MISSING
 */
export async function filesOfModelOfV1(selection: ExportSelectionOfV1): Promise<readonly string[]> {
  const { resultsFolder, taskName, configurations, isStrict } = selection;
  const paths: string[] = [];
  const missing: string[] = [];
  for (const configuration of configurations) {
    const model = `${configuration}/${taskName}/${trainedName(selection, configuration)}`;
    if (await exists(join(resultsFolder, model))) await addModel(selection, model, { paths, missing });
    else if (isStrict)
      throw sharedError(
        "MODEL_NOT_FOUND",
        `${join(resultsFolder, model)} does not exist; --configurations names those that are trained`,
      );
  }
  paths.push(...(await filesOfEnsembles(selection)));
  if (missing.length > 0) throw sharedError("FOLD_MISSING", `${resultsFolder} lacks ${someOf(missing)}`);
  if (paths.length === 0)
    throw sharedError("MODEL_NOT_FOUND", `${resultsFolder} has no trained model of ${taskName}`);
  return paths;
}

const trainedName = (
  { trainer, cascadeTrainer, plans }: ExportSelectionOfV1,
  configuration: string,
): string => `${configuration === "3d_cascade_fullres" ? cascadeTrainer : trainer}__${plans}`;

async function addModel(
  { resultsFolder, folds, isStrict }: ExportSelectionOfV1,
  model: string,
  { paths, missing }: { readonly paths: string[]; readonly missing: string[] },
): Promise<void> {
  const has = (path: string): Promise<boolean> => exists(join(resultsFolder, path));
  const add = async (path: string, isNeeded: boolean): Promise<void> => {
    if (await has(path)) paths.push(path);
    else if (isNeeded) missing.push(path);
  };
  for (const fold of folds) {
    const folder = `${model}/${fold === "all" ? "all" : `fold_${fold}`}`;
    for (const name of neededFiles) await add(`${folder}/${name}`, true);
    await add(`${folder}/${architectureFile}`, false);
  }
  await add(`${model}/plans.pkl`, true);
  await add(`${model}/postprocessing.json`, isStrict);
}

/** Takes the post-processing of an average if the archive has both of its models. */
async function filesOfEnsembles(selection: ExportSelectionOfV1): Promise<readonly string[]> {
  const { resultsFolder, taskName, configurations } = selection;
  const parent = `ensembles/${taskName}`;
  const exported = new Set(
    configurations.map((configuration) => `${configuration}__${trainedName(selection, configuration)}`),
  );
  const names = (await ifPresent(readdir(join(resultsFolder, parent)))) ?? [];
  const paths: string[] = [];
  for (const name of names.sort()) {
    const members = name.replace(/^ensemble_/, "").split("--");
    const path = `${parent}/${name}/postprocessing.json`;
    if (!name.startsWith("ensemble_") || !members.every((member) => exported.has(member))) continue;
    if (await exists(join(resultsFolder, path))) paths.push(path);
  }
  return paths;
}
