import type { Stats } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { stringOf } from "../../imaging/dicom/element-values.js";
import { isDicomFile } from "../../imaging/dicom/is-dicom-file.js";
import { isDicomdirName } from "../../imaging/dicom/list-files.js";
import { readDicomFile } from "../../imaging/dicom/read-dicom-file.js";
import { tags } from "../../imaging/dicom/tags.js";
import { splitImageEnding } from "../../imaging/formats/image-ending.js";

/** The most files and folders that are looked at to find a DICOM file. */
const mostLookedAt = 10_000;

/** Returns the first DICOM file of a folder or its subfolders, level by level; null if there is none. */
async function firstDicomFile(root: string): Promise<string | null> {
  let lookedAt = 0;
  for (const folders = [root]; folders.length > 0; ) {
    const folder = folders.shift()!;
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (++lookedAt > mostLookedAt) return null;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (!entry.name.startsWith(".") && entry.isFile() && (await isDicomFile(path))) return path;
    }
  }
  return null;
}

/**
 * Returns whether an input is a DICOM file, or a folder that has DICOM files, in it or in its subfolders, and no image. The
 * pictures next to a DICOMDIR belong to the viewer on the disc.
 */
export async function isDicomInput(path: string, info: Stats): Promise<boolean> {
  if (info.isFile()) return splitImageEnding(path) === null && isDicomFile(path);
  if (!info.isDirectory()) return false;
  const names = await readdir(path).catch(() => []);
  const isDisc = names.some(isDicomdirName);
  const hasImages = names.some(
    (name) => !name.startsWith(".") && splitImageEnding(name) !== null && !(isDisc && isPicture(name)),
  );
  return !hasImages && (await firstDicomFile(path)) !== null;
}

export const isPicture = (file: string): boolean => /\.(png|bmp)$/i.test(file);

/**
 * Returns the series in a folder that holds several: each subfolder with DICOM files is one. The folder itself is one
 * series if it has DICOM files directly, or if the files of one series are spread over subfolders.
 */
export async function seriesFolders(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const subfolders: string[] = [];
  const uids: (string | null)[] = [];
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name);
    if (entry.isFile() && !entry.name.startsWith(".") && (await isDicomFile(path))) return [folder];
    const first = entry.isDirectory() ? await firstDicomFile(path) : null;
    if (first === null) continue;
    subfolders.push(path);
    uids.push(await seriesUidOf(first));
  }
  const known = uids.filter((uid) => uid !== null);
  return new Set(known).size < known.length ? [folder] : subfolders;
}

/** Returns null for a file that is damaged or of no series, which is reported when its case is read. */
async function seriesUidOf(path: string): Promise<string | null> {
  const file = await readDicomFile(path).catch(() => null);
  return file === null ? null : stringOf(file.dataSet, tags.SeriesInstanceUID);
}

/** Returns a name for the case of a series: that of its folder, or of its file without the ending. */
export function seriesName(path: string): string {
  const absolute = resolve(path);
  const name = basename(absolute);
  if (isDicomdirName(name)) return basename(dirname(absolute));
  return name.replace(/\.(?:dcm|ima|dicom)$/i, "") || "series";
}
