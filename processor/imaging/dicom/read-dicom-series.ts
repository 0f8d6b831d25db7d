import { counted } from "../../contract/counted.js";
import type { DicomSettings } from "../../contract/dicom-settings.js";
import { checkSeries } from "./check-series.js";
import { chooseSeries } from "./choose-series.js";
import { chooseVolume } from "./choose-volume.js";
import { openDecodePool } from "./decode-pool.js";
import { decodeStack, isMonochrome1, type NewVoxels, newFloats, newVoxelsAsStored } from "./decode-stack.js";
import type { DicomReference, DicomSeries, DicomVoxels, DicomWarning } from "./dicom-series.js";
import { dropDuplicates } from "./drop-duplicates.js";
import { stringOf } from "./element-values.js";
import type { ImageFrame } from "./image-frame.js";
import { listFiles } from "./list-files.js";
import { scanFiles } from "./scan-files.js";
import { stackSlices } from "./slice-geometry.js";
import { tags } from "./tags.js";
import { undecodableText } from "./text-warnings.js";

/**
 * Reads a DICOM series as one volume: the answer is the whole series with its warnings, or a refusal.
 *
 * @param path a folder, a file of one image or of several frames, or a DICOMDIR, which stands for its folder
 * @throws DICOM_… (`dicomError`), INPUT_NOT_FOUND
 */
export async function readDicomSeries(
  path: string,
  options: DicomSettings,
  signal: AbortSignal,
): Promise<DicomSeries> {
  return readSeries(path, { options, signal, newVoxels: newFloats });
}

/**
 * Reads a DICOM series as `readDicomSeries` does, with voxels of 16 bits if every value that its pixels can have is a whole
 * number of 16 bits.
 */
export const readDicomSeriesAsStored = (
  path: string,
  options: DicomSettings,
  signal: AbortSignal,
): Promise<DicomSeries<DicomVoxels>> => readSeries(path, { options, signal, newVoxels: newVoxelsAsStored });

interface ReadOptions<Voxels extends DicomVoxels> {
  readonly options: DicomSettings;
  readonly signal: AbortSignal;
  readonly newVoxels: NewVoxels<Voxels>;
}

async function readSeries<Voxels extends DicomVoxels>(
  path: string,
  { options, signal, newVoxels }: ReadOptions<Voxels>,
): Promise<DicomSeries<Voxels>> {
  const paths = await listFiles(path);
  const pool = openDecodePool();
  try {
    if (paths.length >= manyFiles) pool.start();
    const { frames: all, warnings: leftOut } = chooseSeries(await scanFiles(paths, signal), options);
    const warnings: DicomWarning[] = [...leftOut];
    checkSeries(all);
    const frames = await dropDuplicates(all, warnings, { options, pool, signal, newVoxels: newFloats });
    const stack = stackSlices(chooseVolume(frames, options), options);
    const voxels = await decodeStack(stack, { options, pool, signal, newVoxels });
    warnings.push(...stack.warnings, ...pixelWarnings(stack.frames, options));
    return { voxels, geometry: stack.geometry, warnings, ...referenceTo(stack.frames) };
  } finally {
    await pool.close();
  }
}

/** Files that take about as long to look through as workers take to start. */
const manyFiles = 30;

function pixelWarnings(
  frames: readonly ImageFrame[],
  { monochrome1 }: DicomSettings,
): readonly DicomWarning[] {
  const warnings: DicomWarning[] = [];
  const shownInverted = frames.filter(({ file }) => isMonochrome1(file));
  if (shownInverted.length > 0) {
    const isInverted = monochrome1 === "invert" || shownInverted[0]!.kind === "projection";
    warnings.push({
      code: "monochrome1",
      message: `${counted(shownInverted.length, "image")} in MONOCHROME1; the values are ${isInverted ? "inverted" : "kept"}`,
    });
  }
  const compressed = frames.filter(isLossy);
  if (compressed.length > 0)
    warnings.push({
      code: "lossy",
      message: `${counted(compressed.length, "image")} with lossy compression`,
    });
  return [...warnings, ...undecodableText(frames[0]!.file)];
}

function isLossy({ file: { syntax, dataSet } }: ImageFrame): boolean {
  const said = stringOf(dataSet, tags.LossyImageCompression);
  return syntax.isLossy === true || said === "01" || (syntax.isLossy === "maybe" && said !== "00");
}

function referenceTo(frames: readonly ImageFrame[]): DicomReference {
  const [first] = frames as [ImageFrame];
  return {
    studyInstanceUid: stringOf(first.file.dataSet, tags.StudyInstanceUID) ?? "",
    seriesInstanceUid: first.seriesInstanceUid,
    frameOfReferenceUid: first.frameOfReferenceUid,
    modality: first.modality,
    isLossy: frames.some(isLossy),
    slices: frames.map(({ file, sopClassUid, sopInstanceUid, frameNumber, positionMm }) => ({
      path: file.path,
      sopClassUid,
      sopInstanceUid,
      frameNumber,
      positionPatientMm: positionMm ?? [0, 0, 0],
    })),
    firstFile: { path: first.file.path, dataSet: first.file.dataSet },
  };
}
