import { constants } from "node:fs";
import { access, readdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { ownEntry } from "../../../processor/contract/own-entry.js";
import { isFile } from "../../../processor/files/exists.js";
import { whyUnreadable } from "../../../processor/files/why-unreadable.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import type { DatasetJson } from "./dataset-json.js";

/** The files of one training case. */
export interface DatasetCase {
  readonly id: string;
  /** One for each channel, sorted by name. */
  readonly images: readonly string[];
  /** Null if dataset.json lists the case without a label. */
  readonly label: string | null;
}

/**
 * Returns the training cases of a data set in nnU-Net's order: as `dataset` in dataset.json lists them, or those of
 * imagesTr by code point.
 *
 * @param environment for `$VARIABLES` in the paths of dataset.json
 * @throws DATASET_INVALID if the images cannot be listed
 */
export async function listCases(
  dataset: DatasetJson,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<readonly DatasetCase[]> {
  const { folder, listedCases } = dataset;
  if (listedCases !== null) {
    const placed = (path: string) => {
      const expanded = withVariables(path, environment);
      return isAbsolute(expanded) ? expanded : join(folder, expanded);
    };
    return listedCases.map(({ id, images, label }) => ({
      id,
      images: images.map(placed),
      label: label === null ? null : placed(label),
    }));
  }
  return casesOfFolder(dataset, await filesOfImages(join(folder, "imagesTr")));
}

/**
 * Returns the names of the files in a folder of images, also through links. nnU-Net does not look at folders.
 *
 * @throws DATASET_INVALID if this account may not list the folder, or not look at its files
 */
export async function filesOfImages(folder: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    if (entries.length > 0) await access(folder, constants.X_OK);
    const names: string[] = [];
    for (const entry of entries)
      if (entry.isFile() || (await isFile(join(folder, entry.name)))) names.push(entry.name);
    return names;
  } catch (cause) {
    throw nnunetError("DATASET_INVALID", `${folder}${await whyUnreadable(folder, cause)}`, { cause });
  }
}

/** A channel number: an underscore and four digits. */
const suffixLength = 5;

/** Groups the files of imagesTr by case: a name without channel number and ending. */
export function casesOfFolder(
  { folder, fileEnding }: Pick<DatasetJson, "folder" | "fileEnding">,
  names: readonly string[],
): readonly DatasetCase[] {
  const images = new Map<string, string[]>();
  const endings = names.filter((name) => name.endsWith(fileEnding));
  for (const name of endings) images.set(name.slice(0, -(fileEnding.length + suffixLength)), []);
  for (const name of endings.toSorted(byCodePoint)) {
    const suffix = name.slice(0, -fileEnding.length);
    if (/_\d{4}$/.test(suffix)) images.get(suffix.slice(0, -suffixLength))?.push(name);
  }
  return [...images]
    .sort(([a], [b]) => byCodePoint(a, b))
    .map(([id, files]) => ({
      id,
      images: files.map((name) => join(folder, "imagesTr", name)),
      label: join(folder, "labelsTr", `${id}${fileEnding}`),
    }));
}

/** Compares as Python does. JavaScript's `<` compares UTF-16 units, whose order differs beyond U+FFFF. */
export function byCodePoint(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Replaces `$NAME` and `${NAME}` as Python's `expandvars` does; unknown names stay. */
const withVariables = (path: string, environment: Readonly<Record<string, string | undefined>>): string =>
  path.replace(
    /\$(?:(\w+)|\{([^}]*)\})/g,
    (whole, bare?: string, braced?: string) => ownEntry(environment, bare ?? braced!) ?? whole,
  );
