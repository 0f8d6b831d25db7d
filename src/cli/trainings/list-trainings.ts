import { findDatasetNames } from "../../nnunet/find-dataset.js";
import type { NnunetFolders } from "../../nnunet/folders.js";
import { type FoldProgress, foldProgress } from "../../nnunet/training/fold-progress.js";
import { type FoldFolder, foldFolders } from "../../nnunet/training/trained-folds.js";

export type ListedTraining = FoldFolder & FoldProgress;

/**
 * Returns all folds that were trained, or are being trained, from nnU-Net's own files.
 *
 * @param datasets numbers or names; all data sets if there are none
 * @throws NNUNET_FOLDER_UNSET, DATASET_NOT_FOUND, DATASET_AMBIGUOUS
 */
export async function listTrainings(
  folders: NnunetFolders,
  datasets: readonly string[],
): Promise<readonly ListedTraining[]> {
  const wanted = await findDatasetNames(datasets, folders);
  const listed: ListedTraining[] = [];
  for (const folder of await foldFolders(folders)) {
    if (wanted.length > 0 && !wanted.includes(folder.dataset)) continue;
    const progress = await foldProgress(folder.path, folders.version, Date.now());
    if (progress !== null) listed.push({ ...folder, ...progress });
  }
  return listed;
}
