import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists, ifPresent } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { removeFolder } from "../../../processor/files/remove-folder.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { namesIn } from "../files/names-in.js";
import { type NnunetFolders, requireFolder } from "../folders.js";
import type { WorkSession } from "../threads/for-each-case.js";
import { type LabelRules, readLabelRules } from "./label-rules.js";
import { writeSummary } from "./write-summary.js";

export interface AccumulateOptions extends WorkSession {
  /** `<results>/<data set>/<trainer>__<plans>__<configuration>` */
  readonly modelFolder: string;
  readonly outputFolder: string;
  /** What summary.json calls the output folder; itself if it is left out. */
  readonly shownFolder?: string;
  readonly folds: readonly (number | "all")[];
  readonly folders: NnunetFolders;
  /** False to keep the files that are there, and to add the missing ones. */
  readonly overwrite: boolean;
}

/** Returns the name of the folder with the predictions of all folds. */
export const crossValidationFolder = (folds: readonly (number | "all")[]): string =>
  `crossval_results_folds_${folds.join("_")}`;

/**
 * Collects the validation predictions of several folds in one folder and scores them, as
 * `nnUNetv2_accumulate_crossval_results` does.
 *
 * @returns the rules of the model's labels
 * @throws FOLD_MISSING if a fold has no validation; CASE_TWICE if two folds have the same case
 */
export async function accumulate(options: AccumulateOptions): Promise<LabelRules> {
  const { modelFolder, outputFolder, folders, overwrite, progress, signal } = options;
  const { shownFolder = outputFolder } = options;
  const rules = await readLabelRules(modelFolder);
  const sources = await sourcesOf(options, rules);
  if (overwrite) await removeFolder(outputFolder);
  await makeFolder(outputFolder);
  for (const name of ["dataset.json", "plans.json"])
    await copyFileWhole(join(modelFolder, name), join(outputFolder, name));
  const summaryFile = join(outputFolder, "summary.json");
  for (const [name, source] of sources) {
    signal.throwIfAborted();
    const target = join(outputFolder, name);
    if (!overwrite && (await exists(target))) continue;
    // A run that is stopped before it scores the new prediction must not leave the old scores to the next one.
    await rm(summaryFile, { force: true });
    await copyFileWhole(source, target);
  }
  if (await exists(summaryFile)) return rules;
  const references = await referencesOf(rules, folders);
  await writeSummary({ folder: outputFolder, references, rules, shownFolder }, { progress, signal });
  return rules;
}

/** Returns the place of each prediction, by its file name. Without overwriting, nnU-Net takes the first of two folds. */
async function sourcesOf(
  { modelFolder, folds, overwrite }: AccumulateOptions,
  { fileEnding }: LabelRules,
): Promise<ReadonlyMap<string, string>> {
  const sources = new Map<string, string>();
  for (const fold of folds) {
    const folder = await validationFolder(modelFolder, fold);
    for (const name of await namesIn(folder, fileEnding)) {
      const other = sources.get(name);
      if (other !== undefined && overwrite)
        throw nnunetError(
          "CASE_TWICE",
          `${other} and ${join(folder, name)} are predictions of the same case`,
        );
      if (other === undefined) sources.set(name, join(folder, name));
    }
  }
  return sources;
}

/** @throws FOLD_MISSING */
export async function validationFolder(modelFolder: string, fold: number | "all"): Promise<string> {
  const folder = join(modelFolder, `fold_${fold}`, "validation");
  if ((await ifPresent(readdir(folder))) !== null) return folder;
  throw sharedError(
    "FOLD_MISSING",
    `${folder} does not exist: fold ${fold} is not trained, or not validated; \`build_processor train\` does both, and --folds (-f) chooses other folds`,
  );
}

/** nnU-Net scores with the raw references if they are there, else with the copies that preprocessing made. */
async function referencesOf({ datasetName }: LabelRules, folders: NnunetFolders): Promise<string> {
  const raw = folders.raw === null ? null : join(folders.raw, datasetName ?? "", "labelsTr");
  if (raw !== null && (await exists(raw))) return raw;
  return join(requireFolder(folders, "preprocessed"), datasetName ?? "", "gt_segmentations");
}
