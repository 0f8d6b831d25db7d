import { sharedError } from "../../../processor/contract/shared-errors.js";
import { type DatasetPlace, findDataset } from "../../nnunet/find-dataset.js";
import { type NnunetFolders, nnunetFolders, requireFolder } from "../../nnunet/folders.js";
import type { Terminal } from "../terminal.js";

export interface DatasetArguments {
  readonly datasets?: readonly string[] | undefined;
  readonly dataset?: readonly string[] | undefined;
  readonly nnunet: "v1" | "v2";
}

/** Returns nnU-Net's folders for the version that the user named. */
export const foldersFor = ({ nnunet }: Pick<DatasetArguments, "nnunet">, terminal: Terminal): NnunetFolders =>
  nnunetFolders(terminal, nnunet === "v1" ? 1 : 2);

/**
 * Finds every data set that a command line names, each once, before the work on the first one starts.
 *
 * @throws USAGE if it names none; DATASET_NOT_FOUND, DATASET_AMBIGUOUS, NNUNET_FOLDER_UNSET
 */
export async function namedDatasets(
  args: DatasetArguments,
  terminal: Terminal,
): Promise<readonly DatasetPlace[]> {
  const words = [...(args.datasets ?? []), ...(args.dataset ?? [])].map(String);
  if (words.length === 0)
    throw sharedError("USAGE", "name a data set: its number, its name, or the path of its folder");
  const folders = foldersFor(args, terminal);
  const places: DatasetPlace[] = [];
  for (const word of words) {
    const place = await findDataset(word, folders, terminal.currentDirectory);
    if (!places.some(({ rawFolder }) => rawFolder === place.rawFolder)) places.push(place);
  }
  return places;
}

/**
 * Returns a data set whose preprocessed folder is known.
 *
 * @throws NNUNET_FOLDER_UNSET
 */
export function withPreprocessed(place: DatasetPlace, folders: NnunetFolders) {
  const { preprocessedFolder } = place;
  if (preprocessedFolder === null) requireFolder(folders, "preprocessed");
  return { ...place, preprocessedFolder: preprocessedFolder! };
}

/**
 * Does the same for actions that exist only for nnU-Net v2.
 *
 * @throws USAGE for v1, and what `namedDatasets` throws
 */
export async function namedDatasetsV2(
  args: DatasetArguments & { readonly action: string },
  terminal: Terminal,
): Promise<readonly DatasetPlace[]> {
  if (args.nnunet === "v1")
    throw sharedError(
      "USAGE",
      `dataset ${args.action} is only for data sets of v2; \`build_processor dataset convert\` makes one of a task of v1`,
    );
  return namedDatasets(args, terminal);
}
