import { setImmediate as nextTurn } from "node:timers/promises";
import { numberOf, stringOf, uint16Of } from "./element-values.js";
import { readDicomFile } from "./read-dicom-file.js";
import { tags } from "./tags.js";

const filesAtOnce = 32;

export interface AnnouncedLimits {
  /** A series with more voxels ends the count. */
  readonly maxVoxels: number;
  /** The most files that are looked at. */
  readonly maxFiles: number;
}

/**
 * Returns the number of voxels that the headers of the largest series among files announce, without reading them. A file that
 * is damaged or no DICOM file counts as nothing.
 */
export async function announcedDicomVoxels(
  paths: readonly string[],
  { maxVoxels, maxFiles }: AnnouncedLimits,
): Promise<number> {
  const ofSeries = new Map<string, number>();
  let most = 0;
  for (const [i, path] of paths.slice(0, maxFiles).entries()) {
    // Lets others have a turn.
    if (i % filesAtOnce === 0) await nextTurn();
    const file = await readDicomFile(path).catch(() => null);
    if (file === null) continue;
    const { dataSet } = file;
    const series = stringOf(dataSet, tags.SeriesInstanceUID) ?? "";
    const pixels = (uint16Of(dataSet, tags.Rows) ?? 0) * (uint16Of(dataSet, tags.Columns) ?? 0);
    const voxels = pixels * Math.max(numberOf(dataSet, tags.NumberOfFrames) ?? 1, 1);
    const sum = (ofSeries.get(series) ?? 0) + voxels;
    ofSeries.set(series, sum);
    most = Math.max(most, sum);
    if (most > maxVoxels) break;
  }
  return most;
}
