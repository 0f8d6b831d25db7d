import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type NnunetFolders, type NnunetVersion, requireFolder } from "../folders.js";
import type { Fold } from "./each-fold.js";

/** The folder of a fold that was trained, or is being trained, and what its path says. */
export interface FoldFolder {
  /** `Dataset004_Liver` or `Task004_Liver` */
  readonly dataset: string;
  readonly configuration: string;
  readonly trainer: string;
  readonly plans: string;
  readonly fold: Fold;
  readonly path: string;
}

/**
 * Returns the folders of all folds in nnU-Net's results, sorted by data set, configuration and fold. Folders that this account may
 * not list are left out, because others may share the results.
 *
 * @throws NNUNET_FOLDER_UNSET; the system's error if there is nothing but such folders
 */
export async function foldFolders(folders: NnunetFolders): Promise<readonly FoldFolder[]> {
  const results = requireFolder(folders, "results");
  const refusals: unknown[] = [];
  const found = await below({ path: results, said: {} }, levels[folders.version], refusals);
  if (found.length === 0 && refusals.length > 0) throw refusals[0];
  const text = ({ dataset, configuration, trainer, plans, fold }: FoldFolder): string =>
    [dataset, configuration, trainer, plans, String(fold).padStart(4, "0")].join("/");
  return found.toSorted((one, other) => (text(one) < text(other) ? -1 : 1));
}

/** The folders on the way from nnU-Net's results to a fold, each with what its name says. */
const levels: Readonly<Record<NnunetVersion, readonly RegExp[]>> = {
  1: [
    /^(?<configuration>[23]d.*)$/,
    /^(?<dataset>Task\d.*)$/,
    /^(?<trainer>[^_].*?)__(?<plans>.+)$/,
    /^(?<fold>fold_\d{1,3}|all)$/,
  ],
  2: [
    /^(?<dataset>Dataset\d.*)$/,
    /^(?<trainer>[^_].*?)__(?<plans>.+?)__(?<configuration>.+)$/,
    /^(?<fold>fold_(?:\d{1,3}|all))$/,
  ],
};
/** A folder, and what the names on its path say. */
interface NamedFolder {
  readonly path: string;
  readonly said: Readonly<Record<string, string>>;
}

/**
 * Returns the folds below a folder; none if it is not a folder.
 *
 * @param refusals gets the system's error for each folder that may not be listed
 */
async function below(
  { path, said }: NamedFolder,
  [pattern, ...rest]: readonly RegExp[],
  refusals: unknown[],
): Promise<FoldFolder[]> {
  if (pattern === undefined) {
    const { dataset = "", configuration = "", trainer = "", plans = "", fold = "" } = said;
    return [{ dataset, configuration, trainer, plans, fold: foldOf(fold), path }];
  }
  const found: FoldFolder[] = [];
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "EACCES") refusals.push(error);
    return [];
  });
  for (const name of names) {
    const words = pattern.exec(name)?.groups;
    if (words !== undefined)
      found.push(...(await below({ path: join(path, name), said: { ...said, ...words } }, rest, refusals)));
  }
  return found;
}

const foldOf = (name: string): Fold => (name.endsWith("all") ? "all" : Number(name.replace("fold_", "")));
