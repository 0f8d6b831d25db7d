import { setImmediate as nextTurn } from "node:timers/promises";
import type { DataSet } from "./data-set.js";
import { numberOf, stringOf, uint16Of } from "./element-values.js";
import { ParsedDataSet } from "./parsed-data-set.js";
import { readDicomFile } from "./read-dicom-file.js";
import { recogniseFile } from "./recognise-file.js";
import { MalformedDataSet, NeedsMoreBytes, scanElements } from "./scan-elements.js";
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
    const { series, voxels } = seriesVoxels(file.dataSet);
    const sum = (ofSeries.get(series) ?? 0) + voxels;
    ofSeries.set(series, sum);
    most = Math.max(most, sum);
    if (most > maxVoxels) break;
  }
  return most;
}

/** What a DICOM file adds to its series. */
export interface SeriesVoxels {
  /** The UID; empty if it is missing. */
  readonly series: string;
  readonly voxels: number;
}

/**
 * Returns what the beginning of a DICOM file announces; null for another file, for one that is deflated or damaged, and for a
 * header that is longer.
 *
 * @param size the length of the whole file
 */
export function announcedDicomVoxelsIn(head: Buffer, size: number): SeriesVoxels | null {
  try {
    const start = recogniseFile(head, size);
    if (start === null || start.syntax.isDeflated) return null;
    const { syntax: encoding, dataSetAt: from } = start;
    const { elements } = scanElements({ bytes: head, encoding, from, end: size, fileBytes: size });
    return seriesVoxels(new ParsedDataSet({ bytes: head, encoding, elements, outerCharacterSets: [] }));
  } catch (error) {
    if (error instanceof NeedsMoreBytes || error instanceof MalformedDataSet) return null;
    throw error;
  }
}

function seriesVoxels(dataSet: DataSet): SeriesVoxels {
  const pixels = (uint16Of(dataSet, tags.Rows) ?? 0) * (uint16Of(dataSet, tags.Columns) ?? 0);
  return {
    series: stringOf(dataSet, tags.SeriesInstanceUID) ?? "",
    voxels: pixels * Math.max(numberOf(dataSet, tags.NumberOfFrames) ?? 1, 1),
  };
}
