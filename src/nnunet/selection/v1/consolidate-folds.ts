import { join } from "node:path";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { copyFileWhole } from "../../../../processor/files/copy-file.js";
import { exists } from "../../../../processor/files/exists.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { removeFolder } from "../../../../processor/files/remove-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { someOf } from "../../../ground/some-of.js";
import { namesIn } from "../../files/names-in.js";
import type { WorkSession } from "../../threads/for-each-case.js";
import { determinePostProcessingOfV1, type PostProcessingOfV1 } from "./determine-post-processing-v1.js";
import { readClasses, type Score, scoreOfV1 } from "./score-of-v1.js";

export interface FoldsOfModel extends WorkSession {
  /** `<results>/<configuration>/<task>/<trainer>__<plans>` */
  readonly modelFolder: string;
  readonly folds: readonly (number | "all")[];
  /** The name of the folder with each fold's predictions: `validation_raw`. */
  readonly validationName: string;
}

export interface CollectedFolds {
  readonly score: Score;
  readonly classes: readonly number[];
}

/** The folder with the predictions of all folds, and that with their post-processed ones. */
export const collectedName = "cv_niftis_raw";
export const finalName = "cv_niftis_postprocessed";

/**
 * Collects the validation predictions of all folds of a v1 model in `cv_niftis_raw` and scores them.
 *
 * @param needsAll true if every case of `gt_niftis` must have a prediction
 * @throws FOLD_MISSING, CASE_TWICE
 */
export async function collectFolds(options: FoldsOfModel, needsAll: boolean): Promise<CollectedFolds> {
  const { modelFolder, folds, validationName } = options;
  const sources = new Map<string, string>();
  for (const fold of folds) {
    const folder = await foldFolder(modelFolder, fold, validationName);
    for (const name of await namesIn(folder, ".nii.gz")) {
      const other = sources.get(name);
      if (other !== undefined)
        throw nnunetError(
          "CASE_TWICE",
          `${other} and ${join(folder, name)} are predictions of the same case`,
        );
      sources.set(name, join(folder, name));
    }
  }
  const referenceFolder = join(modelFolder, "gt_niftis");
  const references = await namesIn(referenceFolder, ".nii.gz");
  const missing = references.filter((name) => !sources.has(name));
  if (missing.length > 0 && needsAll)
    throw sharedError(
      "FOLD_MISSING",
      `the folds ${folds.join(", ")} of ${modelFolder} have no prediction of ${someOf(missing)}; v1 decides on the validation of every case, so train the other folds, too`,
    );
  const [first = 0] = folds;
  // v1's choice; without fold 0 it stops there.
  const fold = needsAll && folds.includes(0) ? 0 : first;
  const classes = await readClasses(
    join(await foldFolder(modelFolder, fold, validationName), "summary.json"),
  );
  const target = join(modelFolder, collectedName);
  await removeFolder(target);
  await makeFolder(target);
  for (const [name, source] of sources) {
    options.signal.throwIfAborted();
    await copyFileWhole(source, join(target, name));
  }
  const score = await scoreOfV1({ folder: target, referenceFolder, classes }, [], options);
  await writeFileWhole(join(target, "summary.json"), [Buffer.from(score.summary())]);
  return { score, classes };
}

export interface ConsolidatedFolds extends CollectedFolds {
  readonly postProcessing: PostProcessingOfV1;
}

/**
 * Collects the predictions of all folds and decides the post-processing of the model, as v1's
 * `nnUNet_determine_postprocessing` does.
 *
 * @throws FOLD_MISSING, CASE_TWICE
 */
export async function consolidateFolds(options: FoldsOfModel): Promise<ConsolidatedFolds> {
  const { modelFolder } = options;
  const collected = await collectFolds(options, true);
  const postProcessing = await determinePostProcessingOfV1({
    folder: modelFolder,
    referenceFolder: join(modelFolder, "gt_niftis"),
    rawName: collectedName,
    finalName,
    classes: collected.classes,
    dicesBefore: collected.score.dices,
    progress: options.progress,
    signal: options.signal,
  });
  return { ...collected, postProcessing };
}

/** @throws FOLD_MISSING if a fold is not validated to the end */
export async function foldFolder(
  modelFolder: string,
  fold: number | "all",
  validationName: string,
): Promise<string> {
  const folder = join(modelFolder, fold === "all" ? "all" : `fold_${fold}`, validationName);
  if (await exists(join(folder, "summary.json"))) return folder;
  throw sharedError(
    "FOLD_MISSING",
    `${join(folder, "summary.json")} does not exist: fold ${fold} is not trained, or not validated to the end`,
  );
}
