import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import { exists } from "../../../processor/files/exists.js";
import { readJsonFile } from "../../checkpoint/read-json-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { someOf } from "../../ground/some-of.js";
import { crossValidationSplits, randomSplit, type Split } from "../preprocessing/splits.js";
import type { Fold } from "./each-fold.js";

export interface CasesToCheck {
  /** `<nnUNet_preprocessed>/<data set>` */
  readonly preprocessedFolder: string;
  /** The folder of the configuration's data. */
  readonly dataFolder: string;
  readonly folds: readonly Fold[];
  readonly fileEnding: string;
}

/** The data of a preprocessed case: nnU-Net has one reader for `.b2nd` and one for `.npz`. */
const partsOfCase = { b2nd: [".b2nd", "_seg.b2nd", ".pkl"], npz: [".npz", ".pkl"] } as const;

/** The preprocessed cases of a configuration. */
export interface PreprocessedFolder {
  readonly format: keyof typeof partsOfCase;
  readonly files: ReadonlySet<string>;
  /** The cases that nnU-Net lists. */
  readonly caseIds: readonly string[];
}

/**
 * Reads which cases a folder has, as nnU-Net does.
 *
 * @throws NOT_PREPROCESSED without a case, or for a mixture of formats, which nnU-Net refuses
 */
export async function preprocessedFolder(folder: string): Promise<PreprocessedFolder> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  const endings = new Set(names.map((name) => name.slice(name.lastIndexOf(".") + 1)));
  endings.delete("pkl");
  endings.delete("npy");
  const [format, other] = [...endings].toSorted();
  if (format === undefined) throw nnunetError("NOT_PREPROCESSED", `${folder} has no preprocessed case`);
  if (other !== undefined || (format !== "b2nd" && format !== "npz"))
    throw nnunetError(
      "NOT_PREPROCESSED",
      `${folder} has files that end with ${[...endings].map((ending) => `.${ending}`).join(", ")}; nnU-Net takes either .b2nd or .npz, and nothing else beside .pkl and .npy`,
    );
  const caseIds = names
    .filter((name) => name.endsWith(`.${format}`) && !(format === "b2nd" && name.endsWith("_seg.b2nd")))
    .map((name) => name.slice(0, -1 - format.length));
  return { format, files: new Set(names), caseIds };
}

/** The parts of cases that a folder lacks. */
export const missingParts = ({ format, files }: PreprocessedFolder, caseIds: Iterable<string>) =>
  [...caseIds]
    .flatMap((id) => partsOfCase[format].map((end) => `${id}${end}`))
    .filter((name) => !files.has(name));

/**
 * Refuses data that nnU-Net would miss when it first takes the case, or after the last epoch: a file of a case that the
 * folds take, or the reference of a case that they validate with.
 *
 * @returns the cases that each fold takes
 * @throws NOT_PREPROCESSED; USAGE if there are too few cases for folds
 */
export async function checkCases(place: CasesToCheck): Promise<readonly Split[]> {
  const { dataFolder, folds, fileEnding } = place;
  const data = await preprocessedFolder(dataFolder);
  const references = join(place.preprocessedFolder, "gt_segmentations");
  const isReference = new Set(await readdir(references));
  const ofFolds = await splitsOf(place, data.caseIds);
  for (const [i, { train, val }] of ofFolds.entries()) {
    const missing = missingParts(data, [...train, ...val]);
    if (missing.length > 0)
      throw nnunetError("NOT_PREPROCESSED", `fold ${folds[i]}: ${dataFolder} lacks ${someOf(missing, 3)}`);
    const unscored = val.map((id) => `${id}${fileEnding}`).filter((name) => !isReference.has(name));
    if (unscored.length > 0)
      throw nnunetError(
        "NOT_PREPROCESSED",
        `fold ${folds[i]}: ${references} lacks ${someOf(unscored, 3)}, which the validation after the last epoch needs`,
      );
  }
  return ofFolds;
}

async function splitsOf(
  { preprocessedFolder, folds }: CasesToCheck,
  caseIds: readonly string[],
): Promise<readonly Split[]> {
  const own = folds.some((fold) => fold !== "all") ? await readSplits(preprocessedFolder, caseIds) : [];
  return folds.map((fold) =>
    fold === "all" ? { train: caseIds, val: caseIds } : (own[fold] ?? randomSplit(caseIds, fold)),
  );
}

async function readSplits(preprocessedFolder: string, caseIds: readonly string[]): Promise<readonly Split[]> {
  const path = join(preprocessedFolder, "splits_final.json");
  if (await exists(path))
    return (await readJsonFile(path)).list().map((split) => ({
      train: split
        .get("train")
        .list()
        .map((id) => id.string()),
      val: split
        .get("val")
        .list()
        .map((id) => id.string()),
    }));
  const splits = crossValidationSplits(caseIds);
  if (splits !== null) return splits;
  throw sharedError(
    "USAGE",
    `${preprocessedFolder} has ${caseIds.length} cases, too few for five folds; \`--folds all\` trains on all of them`,
  );
}
