import { counted } from "../../contract/counted.js";
import type { DicomSettings } from "../../contract/dicom-settings.js";
import type { DicomWarning } from "./dicom-series.js";
import { stringOf } from "./element-values.js";
import { dicomError } from "./errors.js";
import { groupBy } from "./group-by.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import type { ScannedFiles } from "./scan-files.js";
import { tags } from "./tags.js";

export interface ChosenSeries {
  readonly frames: readonly ImageFrame[];
  readonly warnings: readonly DicomWarning[];
}

/**
 * Leaves out localizers and reports, and returns the one series that remains.
 *
 * @throws DICOM_NO_IMAGES, DICOM_UNSUPPORTED_SOP_CLASS, DICOM_SEVERAL_SERIES, DICOM_NO_POSITION
 */
export function chooseSeries(
  { frames: all, skipped }: ScannedFiles,
  { seriesInstanceUid }: DicomSettings,
): ChosenSeries {
  if (all.length === 0) throw dicomError("DICOM_NO_IMAGES", `there is no image${skippedText(skipped)}`);
  const wanted =
    seriesInstanceUid === null ? all : all.filter((frame) => frame.seriesInstanceUid === seriesInstanceUid);
  if (wanted.length === 0)
    throw dicomError(
      "DICOM_SEVERAL_SERIES",
      `no image is of the series ${shownUid(seriesInstanceUid!)}; there are ${seriesText(all)}`,
    );
  checkClasses(wanted, seriesInstanceUid !== null);
  const warnings: DicomWarning[] = [];
  const frames = withoutReports(withoutLocalizers(wanted, warnings), warnings);
  const series = new Set(frames.map((frame) => frame.seriesInstanceUid));
  if (series.size > 1)
    throw dicomError("DICOM_SEVERAL_SERIES", `there are ${series.size} series: ${seriesText(frames)}`);
  return { frames, warnings };
}

function checkClasses(frames: readonly ImageFrame[], isChosen: boolean): void {
  const unsupported = frames.find(({ kind }) => kind === "unsupported");
  if (unsupported === undefined) return;
  const isAlone = isChosen || frames.every(({ kind }) => kind === "unsupported");
  const others = isAlone ? "" : `; there are ${seriesText(frames)}`;
  throw dicomError(
    "DICOM_UNSUPPORTED_SOP_CLASS",
    `${unsupported.file.name}: images of SOP class ${unsupported.sopClassUid} are not read${others}`,
  );
}

const shownUid = (text: string): string => (/^[0-9.]{1,64}$/.test(text) ? text : "that was asked for");

function skippedText(skipped: ScannedFiles["skipped"]): string {
  if (skipped.size === 0) return "; the folder is empty";
  const parts = [...skipped].map(([reason, count]) => `${counted(count, "file")} (${reason})`);
  return `; skipped: ${parts.join(", ")}`;
}

/** Describes each series without its description, which can name a patient. */
function seriesText(frames: readonly ImageFrame[]): string {
  const bySeries = groupBy(frames, (frame) => frame.seriesInstanceUid);
  return [...bySeries]
    .map(([uid, images]) => {
      const [{ modality, file }] = images as [ImageFrame];
      const isDescribed = stringOf(file.dataSet, tags.SeriesDescription) !== null;
      return `${uid} (${modality}, ${counted(images.length, "image")}, ${isDescribed ? "with" : "without"} a description)`;
    })
    .join(", ");
}

/** A localizer shows where a volume is; it is not part of it. If there is nothing else, localizers are read. */
function withoutLocalizers(frames: readonly ImageFrame[], warnings: DicomWarning[]): readonly ImageFrame[] {
  const others = frames.filter(({ imageType }) => imageType[2]?.toUpperCase() !== "LOCALIZER");
  const left = frames.length - others.length;
  if (left === 0 || others.length === 0) return frames;
  warnings.push({ code: "ignored-localizer", message: `${counted(left, "localizer image")} left out` });
  return others;
}

/** Removes images without a place in the patient, such as dose reports, if other images have one. */
function withoutReports(frames: readonly ImageFrame[], warnings: DicomWarning[]): readonly ImageFrame[] {
  const isPlaced = ({ positionMm, orientation }: ImageFrame): boolean =>
    positionMm !== null && orientation !== null;
  const placed = frames.filter(isPlaced);
  if (placed.length === frames.length || placed.length === 0) return frames;
  const original = frames.find((frame) => !isPlaced(frame) && !isReport(frame));
  if (original !== undefined)
    throw dicomError(
      "DICOM_NO_POSITION",
      `${frameName(original)} has no ImagePositionPatient or no ImageOrientationPatient, and it is not a derived image that could be left out`,
    );
  const left = frames.length - placed.length;
  warnings.push({
    code: "ignored-no-position",
    message: `${counted(left, "image")} without a position left out`,
  });
  return placed;
}

function isReport({ imageType: [pixels = "", examination = "", kind = ""] }: ImageFrame): boolean {
  return (
    pixels.toUpperCase() === "DERIVED" ||
    examination.toUpperCase() === "SECONDARY" ||
    kind.toUpperCase() === "SCREEN SAVE" ||
    kind.toUpperCase() === "CSA REPORT"
  );
}
