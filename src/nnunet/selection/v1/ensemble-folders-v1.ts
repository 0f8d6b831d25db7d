import { basename, join } from "node:path";
import type { NonEmpty } from "../../../../processor/contract/non-empty.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { copyFileWhole } from "../../../../processor/files/copy-file.js";
import { exists } from "../../../../processor/files/exists.js";
import { makeFolder } from "../../../../processor/files/make-folder.js";
import { nnunetError } from "../../../ground/errors/nnunet-errors.js";
import { someOf } from "../../../ground/some-of.js";
import { namesIn } from "../../files/names-in.js";
import { forEachCase, type WorkSession } from "../../threads/for-each-case.js";
import { applyPostProcessingOfV1 } from "./apply-post-processing-v1.js";

export interface EnsembleFoldersOfV1Options extends WorkSession {
  /** Folders with `<case>.npz` and `<case>.pkl`. */
  readonly folders: NonEmpty<string>;
  readonly outputFolder: string;
  readonly savesProbabilities: boolean;
  /** postprocessing.json; null for none. */
  readonly postProcessingFile: string | null;
}

/**
 * Averages the probabilities of several folders, as `nnUNet_ensemble` does. With a post-processing, the segmentations before it
 * are in `not_postprocessed`.
 *
 * @returns the number of cases
 * @throws PROBABILITIES_MISSING if the folders have different cases
 */
export async function ensembleFoldersOfV1(options: EnsembleFoldersOfV1Options): Promise<number> {
  const { folders, outputFolder, postProcessingFile, savesProbabilities } = options;
  const cases = await commonCases(folders);
  const rawFolder = postProcessingFile === null ? outputFolder : join(outputFolder, "not_postprocessed");
  await makeFolder(rawFolder);
  const tasks = cases.map((name) => ({
    files: folders.map((folder) => join(folder, `${name}.npz`)),
    target: join(rawFolder, `${name}.nii.gz`),
    respectsRegions: true,
    savesProbabilities,
  }));
  await forEachCase("averaging probabilities", "mergeSoftmax", tasks, options);
  if (postProcessingFile === null) return cases.length;
  await applyPostProcessingOfV1({ ...options, inputFolder: rawFolder, outputFolder, postProcessingFile });
  const copied = join(outputFolder, basename(postProcessingFile));
  await copyFileWhole(postProcessingFile, copied);
  return cases.length;
}

/** Returns the cases of all folders. */
async function commonCases(folders: readonly string[]): Promise<readonly string[]> {
  const listed = await Promise.all(folders.map((folder) => namesIn(folder, ".npz")));
  const cases = [...new Set(listed.flat())].sort().map((name) => name.slice(0, -".npz".length));
  if (cases.length === 0) throw sharedError("INPUT_NOT_FOUND", `no .npz file in ${folders.join(", ")}`);
  for (const folder of folders)
    for (const ending of [".npz", ".pkl"]) {
      const missing: string[] = [];
      for (const name of cases)
        if (!(await exists(join(folder, `${name}${ending}`)))) missing.push(`${name}${ending}`);
      if (missing.length > 0)
        throw nnunetError(
          "PROBABILITIES_MISSING",
          `${folder} lacks ${someOf(missing)}, which an average needs`,
        );
    }
  return cases;
}
