import { basename, dirname, join } from "node:path";
import { copyFileWhole } from "../../../../processor/files/copy-file.js";
import { exists } from "../../../../processor/files/exists.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { writeFileWhole } from "../../../../processor/files/write-file.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { someOf } from "../../../ground/some-of.js";
import { namesIn } from "../../files/names-in.js";
import { forEachCase, type WorkSession } from "../../threads/for-each-case.js";
import { foldFolder } from "./consolidate-folds.js";
import { determinePostProcessingOfV1, type PostProcessingOfV1 } from "./determine-post-processing-v1.js";
import { readDices, scoreOfV1 } from "./score-of-v1.js";
import { readTaskClasses } from "./task-classes.js";

export interface EnsembleCrossValidationOfV1 extends WorkSession {
  readonly modelFolders: readonly [string, string];
  readonly folds: readonly (number | "all")[];
  readonly taskName: string;
  /** `<results>/ensembles/<task>/ensemble_…` */
  readonly outputFolder: string;
  /** The references of the task. */
  readonly referenceFolder: string;
  readonly decidesPostProcessing: boolean;
  /** False to keep the segmentations that are there. */
  readonly overwrite: boolean;
}

/** The folders of an average of two models. */
export const ensembledName = "ensembled_raw";
const finalName = "ensembled_postprocessed";

/**
 * Averages the probabilities that two v1 models saved for their validation cases, scores the segmentations, and decides their
 * post-processing.
 *
 * @returns the post-processing; null if none was to be decided
 * @throws FOLD_MISSING, PROBABILITIES_MISSING
 */
export async function ensembleCrossValidationOfV1(
  options: EnsembleCrossValidationOfV1,
): Promise<PostProcessingOfV1 | null> {
  const { modelFolders, outputFolder, referenceFolder, taskName, overwrite } = options;
  const classes = await readTaskClasses(join(modelFolders[0], "plans.pkl"));
  const pairs = await pairsOf(options);
  const folder = join(outputFolder, ensembledName);
  await makeFolder(folder);
  const tasks: {
    files: readonly string[];
    target: string;
    respectsRegions: false;
    savesProbabilities: false;
  }[] = [];
  for (const files of pairs) {
    const target = join(folder, basename(files[0]).replace(/\.npz$/, ".nii.gz"));
    if (overwrite || !(await exists(target)))
      tasks.push({ files, target, respectsRegions: false, savesProbabilities: false });
  }
  await forEachCase("averaging probabilities", "mergeSoftmax", tasks, options);
  const experiment = basename(outputFolder);
  const score = await scoreOfV1({ folder, referenceFolder, classes }, [], options);
  const order = pairs.map(([file]) => basename(file).replace(/\.npz$/, ".nii.gz"));
  const summary = score.summary({
    name: `${taskName}__${experiment}`,
    task: taskName,
    withMean: true,
    order,
  });
  await writeFileWhole(join(folder, "summary.json"), [Buffer.from(summary)]);
  if (!options.decidesPostProcessing) return null;
  const found = await determinePostProcessingOfV1({
    folder: outputFolder,
    referenceFolder,
    rawName: ensembledName,
    finalName,
    // v1 reads them from summary.json, where "10" stands before "2".
    classes: classes.map(String).sort().map(Number),
    // Means in the order of the folds can differ in the last digit, and a tie is decided by it.
    dicesBefore: await readDices(join(folder, "summary.json")),
    summaryTexts: { experiment },
    progress: options.progress,
    signal: options.signal,
  });
  // v1 also collects the summaries of all averages in one folder.
  const collected = join(dirname(dirname(dirname(outputFolder))), "summary_jsons");
  await makeFolder(collected);
  await copyFileWhole(
    join(outputFolder, finalName, "summary.json"),
    join(collected, `${taskName}__${experiment}.json`),
  );
  return found;
}

/** Returns the probabilities of each case by both models, fold by fold. */
async function pairsOf({
  modelFolders,
  folds,
}: EnsembleCrossValidationOfV1): Promise<readonly (readonly [string, string])[]> {
  const pairs: (readonly [string, string])[] = [];
  for (const fold of folds) {
    const [first, second] = await Promise.all(
      modelFolders.map((folder) => foldFolder(folder, fold, "validation_raw")),
    );
    const [namesOfFirst, namesOfSecond] = await Promise.all([
      probabilitiesIn(first!),
      probabilitiesIn(second!),
    ]);
    if (namesOfFirst.join() !== namesOfSecond.join())
      throw nnunetError(
        "PROBABILITIES_MISSING",
        `${first} and ${second} have probabilities of different cases; v1 averages only models whose folds are split alike`,
      );
    for (const name of namesOfFirst) pairs.push([join(first!, name), join(second!, name)]);
  }
  return pairs;
}

async function probabilitiesIn(folder: string): Promise<readonly string[]> {
  const names = await namesIn(folder, ".npz");
  const missing = (await namesIn(folder, ".nii.gz"))
    .filter((name) => !/(?:noPostProcess|_postprocessed)\.nii\.gz$/.test(name))
    .filter((name) => !names.includes(name.replace(/\.nii\.gz$/, ".npz")));
  if (missing.length === 0) return names;
  throw nnunetError(
    "PROBABILITIES_MISSING",
    `${folder} has no .npz file of ${someOf(missing)}, which an average needs; \`train --nnunet v1\` writes them, and so does nnUNet_train with its options val and npz`,
  );
}
