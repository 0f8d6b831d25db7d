import { join } from "node:path";
import type { NonEmpty } from "../../../processor/contract/non-empty.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists } from "../../../processor/files/exists.js";
import { makeFolder } from "../../../processor/files/make-folder.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { namesIn } from "../files/names-in.js";
import { readJsonObject } from "../files/read-json.js";
import { writePythonJson } from "../files/write-json.js";
import { forEachCase, type WorkSession } from "../threads/for-each-case.js";
import { validationFolder } from "./accumulate.js";
import { type LabelRules, readLabelRules } from "./label-rules.js";

export interface EnsembleFoldersOptions extends WorkSession {
  /** Folders with `<case>.npz`; the first one has dataset.json and plans.json. */
  readonly folders: NonEmpty<string>;
  readonly outputFolder: string;
  readonly savesProbabilities: boolean;
}

/**
 * Averages the probabilities of several folders, as `nnUNetv2_ensemble` does.
 *
 * @returns the number of cases
 * @throws PROBABILITIES_MISSING if the folders have different cases
 */
export async function ensembleFolders(options: EnsembleFoldersOptions): Promise<number> {
  const { folders, outputFolder, savesProbabilities } = options;
  const listed = await Promise.all(
    folders.map(async (folder) => {
      const names = await namesIn(folder, ".npz");
      return { place: folder, files: new Map(names.map((name) => [name, join(folder, name)])) };
    }),
  );
  for (const name of ["dataset.json", "plans.json"])
    if (!(await exists(join(folders[0], name))))
      throw sharedError(
        "INPUT_NOT_FOUND",
        `${join(folders[0], name)} does not exist; the first folder must have it, as every folder of predictions of nnU-Net has`,
      );
  const rules = await readLabelRules(folders[0]);
  const cases = commonCases(listed);
  await makeFolder(outputFolder);
  // nnU-Net writes it again, with its own indentation.
  const dataset = await readJsonObject(join(folders[0], "dataset.json"));
  await writePythonJson(join(outputFolder, "dataset.json"), dataset, { sortKeys: false });
  await mergeAll({ cases, rules, outputFolder, savesProbabilities, session: options });
  return cases.size;
}

export interface EnsembleCrossValidationsOptions extends WorkSession {
  readonly modelFolders: NonEmpty<string>;
  readonly folds: readonly (number | "all")[];
  readonly outputFolder: string;
  /** False to keep the segmentations that are there. */
  readonly overwrite: boolean;
}

/**
 * Averages the probabilities that several trained models saved for their validation cases. Their folds may be split
 * differently.
 *
 * @returns the rules of the first model's labels
 * @throws FOLD_MISSING, PROBABILITIES_MISSING, CASE_TWICE
 */
export async function ensembleCrossValidations(
  options: EnsembleCrossValidationsOptions,
): Promise<LabelRules> {
  const { modelFolders, folds, outputFolder, overwrite } = options;
  const rules = await readLabelRules(modelFolders[0]);
  const listed: ListedFiles[] = [];
  for (const modelFolder of modelFolders) {
    const files = new Map<string, string>();
    for (const fold of folds) {
      const folder = await validationFolder(modelFolder, fold);
      const names = await namesIn(folder, ".npz");
      if (names.length === 0)
        throw nnunetError("PROBABILITIES_MISSING", `${folder} has no .npz files, which an ensemble needs`);
      for (const name of names) {
        const other = files.get(name);
        if (other !== undefined)
          throw nnunetError(
            "CASE_TWICE",
            `${other} and ${join(folder, name)} are predictions of the same case`,
          );
        files.set(name, join(folder, name));
      }
    }
    listed.push({ place: modelFolder, files });
  }
  const cases = commonCases(listed);
  await makeFolder(outputFolder);
  const wanted = new Map<string, readonly string[]>();
  for (const [name, files] of cases) {
    const target = join(outputFolder, name.replace(/\.npz$/, rules.fileEnding));
    if (overwrite || !(await exists(target))) wanted.set(name, files);
  }
  await mergeAll({ cases: wanted, rules, outputFolder, savesProbabilities: false, session: options });
  for (const name of ["plans.json", "dataset.json"])
    await copyFileWhole(join(modelFolders[0], name), join(outputFolder, name));
  return rules;
}

interface ListedFiles {
  /** For messages. */
  readonly place: string;
  /** Paths by file name. */
  readonly files: ReadonlyMap<string, string>;
}

/** Returns the files of each case in the order of the folders. */
function commonCases(listed: readonly ListedFiles[]): ReadonlyMap<string, readonly string[]> {
  const names = [...new Set(listed.flatMap(({ files }) => [...files.keys()]))].sort();
  if (names.length === 0)
    throw sharedError("INPUT_NOT_FOUND", `no .npz file in ${listed.map(({ place }) => place).join(", ")}`);
  for (const { place, files } of listed) {
    const missing = names.filter((name) => !files.has(name));
    if (missing.length > 0)
      throw nnunetError("PROBABILITIES_MISSING", `${place} lacks ${someOf(missing)}, which others have`);
  }
  return new Map(names.map((name) => [name, listed.map(({ files }) => files.get(name)!)]));
}

interface MergeAllOptions {
  readonly cases: ReadonlyMap<string, readonly string[]>;
  readonly rules: LabelRules;
  readonly outputFolder: string;
  readonly savesProbabilities: boolean;
  readonly session: WorkSession;
}

async function mergeAll({
  cases,
  rules,
  outputFolder,
  savesProbabilities,
  session,
}: MergeAllOptions): Promise<void> {
  const { foregroundLabels, regionsClassOrder } = rules.definition;
  const tasks = [...cases].map(([name, files]) => ({
    files,
    target: join(outputFolder, name.slice(0, -".npz".length)),
    fileEnding: rules.fileEnding,
    imageReader: rules.imageReader,
    heads: rules.heads,
    regionsClassOrder,
    largestLabel: [...foregroundLabels, ...(regionsClassOrder ?? [])].reduce(
      (most, label) => Math.max(most, label),
      0,
    ),
    savesProbabilities,
  }));
  await forEachCase("averaging probabilities", "mergeProbabilities", tasks, session);
}
