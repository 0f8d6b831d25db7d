import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { sharedError } from "../../contract/shared-errors.js";
import { whyUnreadable } from "../../files/why-unreadable.js";
import { isDicomFile } from "../../imaging/dicom/is-dicom-file.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";
import type { LeftOutFile, LeftOutReason } from "./left-out.js";

/** The contents of an input folder, without those of its subfolders. */
export interface ListedFolder {
  /** The sorted names of files, and of dangling links, with the ending of an image. */
  readonly imageNames: readonly string[];
  /** Everything else, sorted by name. Files that hold an image's voxels or spacing are in neither list. */
  readonly leftOut: readonly LeftOutFile[];
}

/**
 * Lists a folder's images, and everything else with the reason why it is not one.
 *
 * A dangling link that is named as an image counts as an image, because its user expects a segmentation, so its case
 * must fail.
 *
 * @throws INPUT_NOT_FOUND if the folder can't be read
 */
export async function listFolder(folder: string): Promise<ListedFolder> {
  const names = await readdir(folder).catch(async (cause: unknown) => {
    throw sharedError("INPUT_NOT_FOUND", `${folder}${await whyUnreadable(folder, cause)}`, { cause });
  });
  const imageNames: string[] = [];
  const leftOut: LeftOutFile[] = [];
  const belongings = belongingsOf(names);
  for (const name of names.sort()) {
    const path = join(folder, name);
    const reason = await reasonToLeaveOut(path, name);
    if (reason === null) imageNames.push(name);
    else if (!(reason === "not an image" && belongings.has(name))) leftOut.push({ path, reason });
  }
  return { imageNames, leftOut };
}

/** Returns the reason why a file is not an image; null for an image. */
async function reasonToLeaveOut(path: string, name: string): Promise<LeftOutReason | null> {
  if (name.startsWith(".")) return "hidden";
  const isNamedAsImage = splitImageEnding(name) !== null;
  const found = await stat(path).catch(() => null);
  if (found === null) return isNamedAsImage ? null : "not an image";
  if (found.isDirectory()) return "folder";
  if (!found.isFile()) return "not a regular file";
  if (isNamedAsImage) return null;
  return (await isDicomFile(path)) ? "DICOM" : "not an image";
}

/** The endings of files that belong to a header file, by the header's ending. */
const dataEndings: Readonly<Record<string, readonly string[]>> = {
  ".mhd": [".raw", ".zraw", ".raw.gz"],
  ".nhdr": [".raw", ".raw.gz", ".gz", ".bz2", ".txt", ".hex"],
};

/**
 * Returns the names of files that may hold the voxels of a folder's images, or the spacing of a TIFF volume (Tiff3DIO).
 */
function belongingsOf(names: readonly string[]): ReadonlySet<string> {
  return new Set(
    names.flatMap((name) => {
      const { stem, ending } = splitImageEnding(name) ?? { stem: name, ending: "" };
      const kind = ending.toLowerCase();
      if (kind === ".tif" || kind === ".tiff") return [`${stem.replace(/_\d{4}$/, "")}.json`, `${stem}.json`];
      return (dataEndings[kind] ?? []).map((dataEnding) => `${stem}${dataEnding}`);
    }),
  );
}
