import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { nearest } from "../../processor/contract/nearest-name.js";
import { whyNotFound } from "../../processor/files/why-unreadable.js";
import { nnunetError } from "../ground/errors/nnunet-errors.js";
import { someOf } from "../ground/some-of.js";
import { type NnunetFolders, requireFolder } from "./folders.js";

/** A data set of nnU-Net v2 or a task of v1, and its folders. */
export interface DatasetPlace {
  /** `Dataset004_Liver` or `Task004_Liver`. */
  readonly name: string;
  readonly rawFolder: string;
  /** Null if nnUNet_preprocessed is not set. */
  readonly preprocessedFolder: string | null;
}

const prefixes = { 1: "Task", 2: "Dataset" } as const;

/**
 * Finds a data set by its number, its name, or the path of its raw folder.
 *
 * @param word as the user wrote it; a path has a separator or is `.`
 * @throws DATASET_NOT_FOUND, DATASET_AMBIGUOUS, NNUNET_FOLDER_UNSET
 */
export async function findDataset(
  word: string,
  folders: NnunetFolders,
  currentDirectory: string,
): Promise<DatasetPlace> {
  if (/[\\/]|^\.+$/.test(word)) return placeOfPath(resolve(currentDirectory, word), folders);
  const raw = requireFolder(folders, "raw");
  const name = await findDatasetName(word, folders);
  return {
    name,
    rawFolder: join(raw, name),
    preprocessedFolder: preprocessedOf(name, folders),
  };
}

async function placeOfPath(path: string, folders: NnunetFolders): Promise<DatasetPlace> {
  await stat(path).catch(async (cause: unknown) => {
    throw nnunetError("DATASET_NOT_FOUND", `${path}${await whyNotFound(path, cause)}`, { cause });
  });
  const name = basename(path);
  return { name, rawFolder: path, preprocessedFolder: preprocessedOf(name, folders) };
}

const preprocessedOf = (name: string, { preprocessed }: NnunetFolders): string | null =>
  preprocessed === null ? null : join(preprocessed, name);

/**
 * Returns the name of a data set. nnU-Net looks for a number in all three of its folders, and takes a name as it is.
 *
 * @throws DATASET_NOT_FOUND, DATASET_AMBIGUOUS
 */
export async function findDatasetName(word: string, folders: NnunetFolders): Promise<string> {
  const prefix = prefixes[folders.version];
  const present = await presentNames(folders);
  if (/^\d{1,9}$/.test(word)) return await byNumber(Number(word), present, folders);
  if (present.includes(word)) return word;
  const near = nameWith(word, present) ?? nearest(word, present, 3);
  const advice = near === null ? theyHave(present) : `; did you mean ${near}?`;
  throw nnunetError(
    "DATASET_NOT_FOUND",
    `no ${prefix === "Task" ? "task" : "data set"} ${word} in ${searched(folders)}${advice}${await whatIsClosed(folders)}`,
  );
}

/**
 * Returns the names of several data sets, without duplicates, even if the user wrote one in two ways, such as 4 and
 * Dataset004_Liver.
 *
 * @throws what `findDatasetName` throws
 */
export async function findDatasetNames(
  words: readonly string[],
  folders: NnunetFolders,
): Promise<readonly string[]> {
  const names = new Set<string>();
  for (const word of words) names.add(await findDatasetName(word, folders));
  return [...names];
}

/** Returns the only name that a word is a part of, such as that of `liver`; null if there is none, or several. */
function nameWith(word: string, names: readonly string[]): string | null {
  if (word.length < 3) return null;
  const found = names.filter((name) => name.toLowerCase().includes(word.toLowerCase()));
  return found.length === 1 ? found[0]! : null;
}

/** Returns the names with a number in all of nnU-Net's folders. */
export async function namesWithNumber(number: number, folders: NnunetFolders): Promise<readonly string[]> {
  const prefix = numberPrefix(number, folders);
  return (await presentNames(folders)).filter((name) => hasPrefix(name, prefix));
}

const numberPrefix = (number: number, { version }: NnunetFolders): string =>
  `${prefixes[version]}${String(number).padStart(3, "0")}`;

const hasPrefix = (name: string, prefix: string): boolean =>
  name.startsWith(prefix) && !/^\d/.test(name.slice(prefix.length));

async function byNumber(number: number, present: readonly string[], folders: NnunetFolders): Promise<string> {
  const prefix = numberPrefix(number, folders);
  const names = present.filter((name) => hasPrefix(name, prefix));
  if (names.length === 1) return names[0]!;
  if (names.length > 1)
    throw nnunetError(
      "DATASET_AMBIGUOUS",
      `the number ${number} has several names in ${searched(folders)}: ${names.join(", ")}`,
    );
  throw nnunetError(
    "DATASET_NOT_FOUND",
    `no folder ${prefix}_… in ${searched(folders)}${theyHave(present)}${await whatIsClosed(folders)}`,
  );
}

const theyHave = (names: readonly string[]): string =>
  names.length === 0 ? "" : `; they have ${someOf(names)}`;

const foldersOf = ({ raw, preprocessed, results }: NnunetFolders): readonly string[] =>
  [raw, preprocessed, results].filter((folder) => folder !== null);

function searched(folders: NnunetFolders): string {
  const known = foldersOf(folders);
  if (known.length === 0) requireFolder(folders, "raw");
  return known.join(", ");
}

/**
 * Returns the end of a message: which of nnU-Net's folders could not be searched. Those of preprocessed data and models may be
 * missing, because nnU-Net makes them.
 */
async function whatIsClosed(folders: NnunetFolders): Promise<string> {
  const faults: string[] = [];
  for (const folder of foldersOf(folders))
    await readdir(folder).catch(async (cause: NodeJS.ErrnoException) => {
      if (folder === folders.raw || cause.code !== "ENOENT")
        faults.push(`; ${folder}${await whyNotFound(folder, cause)}`);
    });
  return faults.join("");
}

const configurationsOfV1 = ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"];

/** Returns the names of all data sets in nnU-Net's folders, sorted. For v1, models are in a folder for each configuration. */
async function presentNames(folders: NnunetFolders): Promise<readonly string[]> {
  const prefix = prefixes[folders.version];
  const names = new Set<string>();
  const ofModels =
    folders.version === 1 && folders.results !== null
      ? configurationsOfV1.map((name) => join(folders.results!, name))
      : [];
  for (const folder of [...foldersOf(folders), ...ofModels])
    for (const name of await readdir(folder).catch(() => [])) if (name.startsWith(prefix)) names.add(name);
  return [...names].sort();
}
