import { join } from "node:path";
import { copyFileWhole } from "../../../processor/files/copy-file.js";
import { exists } from "../../../processor/files/exists.js";
import { readTextFile, unreadable } from "../../../processor/files/read-text-file.js";
import { type JsonValue, parseJson } from "../../checkpoint/parse-json.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { largestJsonBytes } from "../files/read-json.js";

const splitsFile = "splits_final.json";

/** Where a data set's folds may be: those of its owner, and those that training uses. */
export interface SplitsPlaces {
  readonly rawFolder: string;
  readonly preprocessedFolder: string;
}

/**
 * Makes sure that training will use the folds of the raw folder, if it has any: those of the preprocessed folder must have
 * the same cases, as nnU-Net's planner demands. There may be further ones.
 *
 * @throws DATASET_INVALID
 */
export async function requireSameSplits({ rawFolder, preprocessedFolder }: SplitsPlaces): Promise<void> {
  const [source, target] = [join(rawFolder, splitsFile), join(preprocessedFolder, splitsFile)];
  if (!(await exists(source))) return;
  const own = await readFolds(source);
  if (!(await exists(target))) return;
  const used = await readFolds(target);
  const other = own.findIndex(
    (fold, i) => !(["train", "val"] as const).every((part) => hasSame(fold[part], used[i]?.[part])),
  );
  if (other >= 0)
    throw nnunetError(
      "DATASET_INVALID",
      `fold ${other} of ${source} has other cases than that of ${target}, which training would use; remove the wrong one of the two files`,
    );
}

/** Copies the folds of the raw folder for training, unless there are some. */
export async function copySplits({ rawFolder, preprocessedFolder }: SplitsPlaces): Promise<void> {
  const [source, target] = [join(rawFolder, splitsFile), join(preprocessedFolder, splitsFile)];
  if ((await exists(source)) && !(await exists(target))) await copyFileWhole(source, target);
}

type Fold = Readonly<Record<"train" | "val", readonly string[]>>;

async function readFolds(path: string): Promise<readonly Fold[]> {
  let folds: JsonValue;
  try {
    folds = parseJson(await readTextFile(path, largestJsonBytes));
  } catch (cause) {
    throw nnunetError("DATASET_INVALID", `${path}: ${unreadable(cause)}`, { cause });
  }
  const found = Array.isArray(folds) ? (folds as readonly JsonValue[]).map(foldOf) : [null];
  if (found.includes(null))
    throw nnunetError(
      "DATASET_INVALID",
      `${path} should be a list of {"train": [case, …], "val": [case, …]}`,
    );
  return found as readonly Fold[];
}

function foldOf(value: JsonValue): Fold | null {
  if (!(value instanceof Map)) return null;
  const train = textsOf(value.get("train"));
  const val = textsOf(value.get("val"));
  return train === null || val === null ? null : { train, val };
}

const textsOf = (value: JsonValue | undefined): readonly string[] | null =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? value : null;

function hasSame(one: readonly string[], other: readonly string[] | undefined): boolean {
  const [a, b] = [new Set(one), new Set(other)];
  return other !== undefined && a.size === b.size && [...a].every((item) => b.has(item));
}
