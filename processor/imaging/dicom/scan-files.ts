import { basename } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { stringOf } from "./element-values.js";
import { dicomError } from "./errors.js";
import type { ImageFrame } from "./image-frame.js";
import { isDicomdirName } from "./list-files.js";
import { listFrames } from "./list-frames.js";
import { type DicomFile, readDicomFile } from "./read-dicom-file.js";
import { MalformedDataSet } from "./scan-elements.js";
import { sopClassKind } from "./sop-classes.js";
import { tags } from "./tags.js";

export interface ScannedFiles {
  readonly frames: readonly ImageFrame[];
  /** The number of files that were skipped, by reason: `not-dicom`, `not-an-image`, `segmentation`, `dicomdir`. */
  readonly skipped: ReadonlyMap<string, number>;
}

const filesAtOnce = 32;

/**
 * Reads all files except their pixels.
 *
 * @throws DICOM_BROKEN_FILE, DICOM_TOO_DEEP, DICOM_TOO_LARGE, DICOM_INVALID_UID
 */
export async function scanFiles(paths: readonly string[], signal: AbortSignal): Promise<ScannedFiles> {
  const results: (readonly ImageFrame[] | string)[] = [];
  for (const [i, path] of paths.entries()) {
    // Lets others have a turn, and notices that the work was stopped.
    if (i % filesAtOnce === 0) await nextTurn();
    signal.throwIfAborted();
    // A DICOMDIR is not read, so it does not matter if it is damaged or huge.
    results.push(isDicomdirName(basename(path)) ? "dicomdir" : framesOf(await readDicomFile(path)));
  }
  const skipped = new Map<string, number>();
  for (const result of results)
    if (typeof result === "string") skipped.set(result, (skipped.get(result) ?? 0) + 1);
  return { frames: results.flatMap((result) => (typeof result === "string" ? [] : result)), skipped };
}

/** Returns a file's images, or the reason why it has none. */
function framesOf(file: DicomFile | null): readonly ImageFrame[] | string {
  if (file === null) return "not-dicom";
  if (file.dataSet.element(tags.DirectoryRecordSequence) !== null) return "dicomdir";
  const kind = sopClassKind(stringOf(file.dataSet, tags.SOPClassUID) ?? "");
  if (kind === "not-an-image" || kind === "segmentation") return kind;
  // Makers have classes of their own for protocols and raw data.
  if (kind === "unsupported" && file.pixels === null && file.dataSet.element(tags.Rows) === null)
    return "not-an-image";
  try {
    return listFrames(file);
  } catch (error) {
    if (error instanceof MalformedDataSet)
      throw dicomError("DICOM_BROKEN_FILE", `${file.name}: ${error.message}`, { cause: error });
    throw error;
  }
}
