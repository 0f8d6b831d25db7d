import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type NnunetFolders, requireFolder } from "../folders.js";
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
 * Returns the folders of all folds in nnU-Net's results, sorted by data set, configuration and fold.
 *
 * @throws NNUNET_FOLDER_UNSET
 */
export async function foldFolders(folders: NnunetFolders): Promise<readonly FoldFolder[]> {
  const results = requireFolder(folders, "results");
  const found = folders.version === 1 ? await foldersOfV1(results) : await foldersOfV2(results);
  const text = ({ dataset, configuration, trainer, plans, fold }: FoldFolder): string =>
    [dataset, configuration, trainer, plans, String(fold).padStart(4, "0")].join("/");
  return found.toSorted((one, other) => (text(one) < text(other) ? -1 : 1));
}

/** `<data set>/<trainer>__<plans>__<configuration>/fold_0` */
async function foldersOfV2(results: string): Promise<readonly FoldFolder[]> {
  const found: FoldFolder[] = [];
  for (const dataset of await names(results, /^Dataset\d/))
    for (const model of await names(join(results, dataset), /^[^_].*__.+__.+$/)) {
      const [trainer = "", plans = "", configuration = ""] = model.split("__");
      for (const fold of await names(join(results, dataset, model), /^fold_(?:\d{1,3}|all)$/))
        found.push({
          dataset,
          configuration,
          trainer,
          plans,
          fold: foldOf(fold),
          path: join(results, dataset, model, fold),
        });
    }
  return found;
}

/** `<configuration>/<task>/<trainer>__<plans>/fold_0` or `all` */
async function foldersOfV1(results: string): Promise<readonly FoldFolder[]> {
  const found: FoldFolder[] = [];
  for (const configuration of await names(results, /^[23]d/))
    for (const dataset of await names(join(results, configuration), /^Task\d/))
      for (const model of await names(join(results, configuration, dataset), /^[^_].*__.+$/)) {
        const [trainer = "", plans = ""] = model.split("__");
        const folder = join(results, configuration, dataset, model);
        for (const fold of await names(folder, /^(?:fold_\d{1,3}|all)$/))
          found.push({
            dataset,
            configuration,
            trainer,
            plans,
            fold: foldOf(fold),
            path: join(folder, fold),
          });
      }
  return found;
}

/** Returns the names in a folder that fit; none if it is not a folder. */
async function names(folder: string, pattern: RegExp): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).filter((name) => pattern.test(name));
}

const foldOf = (name: string): Fold => (name.endsWith("all") ? "all" : Number(name.replace("fold_", "")));
