import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { NonEmpty } from "../../../processor/contract/non-empty.js";
import type { TrainedModel } from "../network/trained-model.js";

/**
 * Finds the post-processing that nnU-Net chose for one model; null if there is none.
 *
 * v1 saves it in the model folder. v2 saves it next to the cross-validation that it is based on,
 * `crossval_results_folds_0_1_2_3_4`. The cross-validation of the folds in use has priority, then that of the
 * most folds.
 */
export async function findPostProcessing(model: TrainedModel): Promise<string | null> {
  const own = await fileIn(model.folder);
  if (own !== null || model.nnunetVersion === 1) return own;
  const prefix = "crossval_results_folds_";
  const folders = (await names(model.folder)).filter((name) => name.startsWith(prefix));
  const used = prefix + model.folds.map(({ fold }) => fold).join("_");
  const inOrder = folders.toSorted(
    (a, b) => Number(b === used) - Number(a === used) || b.length - a.length || a.localeCompare(b),
  );
  for (const name of inOrder) {
    const found = await fileIn(join(model.folder, name));
    if (found !== null) return found;
  }
  return null;
}

/**
 * Finds the post-processing that was chosen for an ensemble of models of one data set; null if there is none.
 * v2 saves it in `ensembles/ensemble___<model>___<model>___<folds>` in the data set's folder, v1 in
 * `ensembles/<task>/ensemble_<configuration>__<trainer>__<plans>--…` next to the configurations.
 */
export async function findEnsemblePostProcessing(members: NonEmpty<TrainedModel>): Promise<string | null> {
  const [first] = members;
  if (members.some(({ nnunetVersion }) => nnunetVersion !== first.nnunetVersion)) return null;
  const isV2 = first.nnunetVersion === 2;
  const parent = isV2
    ? join(dirname(first.folder), "ensembles")
    : join(dirname(dirname(dirname(first.folder))), "ensembles", basename(dirname(first.folder)));
  const wanted = members.map(isV2 ? partOfV2 : partOfV1).sort();
  for (const name of (await names(parent)).toSorted()) {
    const parts = isV2 ? name.split("___").slice(1, -1) : name.replace(/^ensemble_/, "").split("--");
    if (!name.startsWith("ensemble_") || parts.sort().join("\n") !== wanted.join("\n")) continue;
    const found = await fileIn(join(parent, name));
    if (found !== null) return found;
  }
  return null;
}

const partOfV2 = ({ folder }: TrainedModel): string => basename(folder);
const partOfV1 = ({ folder, configuration }: TrainedModel): string => `${configuration}__${basename(folder)}`;

async function fileIn(folder: string): Promise<string | null> {
  for (const name of ["postprocessing.json", "postprocessing.pkl"]) {
    const file = join(folder, name);
    if ((await stat(file).catch(() => null))?.isFile() === true) return file;
  }
  return null;
}

const names = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);
