import type { Xyz } from "../volume/axes.js";
import { bValueOf } from "./b-value.js";
import type { DataSet, Tag } from "./data-set.js";
import {
  doubleOf,
  floatOf,
  numberOf,
  numbersOf,
  stringOf,
  stringsOf,
  uint16Of,
  uint32Of,
} from "./element-values.js";
import { dicomError } from "./errors.js";
import type { ImageFrame, VolumeKeys } from "./image-frame.js";
import type { DicomFile } from "./read-dicom-file.js";
import { sopClassKind } from "./sop-classes.js";
import { tags, tagText } from "./tags.js";

/**
 * Lists the images of a file: one, or one for each frame.
 *
 * @throws DICOM_BROKEN_FILE, DICOM_INVALID_UID
 */
export function listFrames(file: DicomFile): readonly ImageFrame[] {
  const { dataSet, name } = file;
  const sopClassUid = uidOf(file, tags.SOPClassUID);
  const kind = sopClassKind(sopClassUid);
  const whole = {
    file,
    kind,
    sopClassUid,
    sopInstanceUid: uidOf(file, tags.SOPInstanceUID),
    seriesInstanceUid: uidOf(file, tags.SeriesInstanceUID),
    modality: modalityOf(dataSet),
    frameOfReferenceUid: stringOf(dataSet, tags.FrameOfReferenceUID) && uidOf(file, tags.FrameOfReferenceUID),
    rows: uint16Of(dataSet, tags.Rows) ?? 0,
    columns: uint16Of(dataSet, tags.Columns) ?? 0,
  };
  if (stringOf(dataSet, tags.StudyInstanceUID) !== null) uidOf(file, tags.StudyInstanceUID);
  const count = numberOf(dataSet, tags.NumberOfFrames) ?? 1;
  if (!Number.isInteger(count) || count < 1)
    throw dicomError("DICOM_BROKEN_FILE", `${name}: NumberOfFrames is ${count}`);
  if (kind !== "multi-frame" && count === 1)
    return [{ ...whole, frameNumber: null, ...factsOf(file, [dataSet], null) }];
  const perFrame = dataSet.items(tags.PerFrameFunctionalGroupsSequence);
  const shared = dataSet.items(tags.SharedFunctionalGroupsSequence).slice(0, 1);
  if (kind === "multi-frame" && perFrame.length !== count)
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${name}: NumberOfFrames is ${count}, but ${perFrame.length} frames are described`,
    );
  if (kind !== "multi-frame") return [{ ...whole, frameNumber: null, ...factsOf(file, [], null) }];
  return perFrame.map((groups, i) => ({
    ...whole,
    frameNumber: i + 1,
    ...factsOf(file, [groups, ...shared, dataSet], i + 1),
  }));
}

const modalityOf = (dataSet: DataSet): string => {
  const text = stringOf(dataSet, tags.Modality) ?? "";
  return /^[A-Z0-9]{1,16}$/.test(text) ? text : "unknown modality";
};

/** @throws DICOM_INVALID_UID, because a UID could otherwise end up in a path or an address */
function uidOf({ dataSet, name }: DicomFile, tag: Tag): string {
  const uid = stringOf(dataSet, tag);
  if (uid !== null && /^[0-9.]{1,64}$/.test(uid)) return uid;
  const problem = uid === null ? "is missing" : "has other characters than up to 64 digits and dots";
  throw dicomError("DICOM_INVALID_UID", `${name}: the UID ${tagText(tag)} ${problem}`);
}

type FrameFacts = Omit<
  ImageFrame,
  | "file"
  | "kind"
  | "sopClassUid"
  | "sopInstanceUid"
  | "seriesInstanceUid"
  | "modality"
  | "frameNumber"
  | "frameOfReferenceUid"
  | "rows"
  | "columns"
>;

/**
 * Reads what an image says of itself.
 *
 * @param sources where to look, in this order: the frame's functional groups, the shared ones, the file
 */
function factsOf(file: DicomFile, sources: readonly DataSet[], frameNumber: number | null): FrameFacts {
  const isFrame = frameNumber !== null;
  // Position, orientation and spacing of a frame are only in its groups (PS3.3, C.7.6.16).
  const groups = isFrame ? sources.slice(0, -1) : sources;
  const inGroup = <T>(sequence: Tag, read: (dataSet: DataSet) => T | null): T | null =>
    first(groups, (source) => (isFrame ? first(source.items(sequence), read) : read(source)));
  return {
    imageType: frameTypeOf(groups) ?? stringsOf(file.dataSet, tags.ImageType) ?? [],
    positionMm: inGroup(tags.PlanePositionSequence, (set) =>
      vectorOf(set, tags.ImagePositionPatient, 3),
    ) as Xyz | null,
    orientation: inGroup(tags.PlaneOrientationSequence, (set) =>
      vectorOf(set, tags.ImageOrientationPatient, 6),
    ),
    pixelSpacingMm: inGroup(tags.PixelMeasuresSequence, pixelSpacingOf),
    sliceThicknessMm: inGroup(tags.PixelMeasuresSequence, (set) => numberOf(set, tags.SliceThickness)),
    spacingBetweenSlicesMm: inGroup(tags.PixelMeasuresSequence, (set) =>
      numberOf(set, tags.SpacingBetweenSlices),
    ),
    rescale: inGroup(tags.PixelValueTransformationSequence, (set) => rescaleOf(set, file)) ??
      rescaleOf(file.dataSet, file) ?? { slope: 1, intercept: 0 },
    volumeKeys: isFrame ? keysOfFrame(sources) : keysOfFile(file.dataSet),
  };
}

function first<T>(sources: readonly DataSet[], read: (source: DataSet) => T | null): T | null {
  for (const source of sources) {
    const found = read(source);
    if (found !== null) return found;
  }
  return null;
}

function frameTypeOf(groups: readonly DataSet[]): readonly string[] | null {
  const sequences = [tags.MRImageFrameTypeSequence, tags.CTImageFrameTypeSequence, tags.PETFrameTypeSequence];
  return first(groups, (group) =>
    first(
      sequences.flatMap((sequence) => group.items(sequence)),
      (item) => stringsOf(item, tags.FrameType),
    ),
  );
}

function vectorOf(dataSet: DataSet, tag: Tag, length: number): readonly number[] | null {
  const numbers = numbersOf(dataSet, tag);
  return numbers?.length === length ? numbers : null;
}

/** Returns a spacing that can be one: two numbers greater than 0. */
export function pixelSpacingOf(
  dataSet: DataSet,
  tag: Tag = tags.PixelSpacing,
): readonly [number, number] | null {
  const spacing = vectorOf(dataSet, tag, 2);
  return spacing?.every((mm) => mm > 0) === true ? [spacing[0]!, spacing[1]!] : null;
}

function rescaleOf(dataSet: DataSet, { name }: DicomFile): ImageFrame["rescale"] | null {
  if (dataSet.element(tags.RescaleSlope) === null && dataSet.element(tags.RescaleIntercept) === null)
    return null;
  const [slope, intercept] = [tags.RescaleSlope, tags.RescaleIntercept].map((tag) => numberOf(dataSet, tag));
  const isWritten = (tag: Tag): boolean => (stringsOf(dataSet, tag) ?? []).length > 0;
  if ((isWritten(tags.RescaleSlope) && !slope) || (isWritten(tags.RescaleIntercept) && intercept === null))
    throw dicomError(
      "DICOM_BROKEN_FILE",
      `${name}: RescaleSlope is 0, or it or RescaleIntercept is not a number`,
    );
  return { slope: slope ?? 1, intercept: intercept ?? 0 };
}

const keysOfFile = (dataSet: DataSet): VolumeKeys => ({
  bValue: stringOf(dataSet, tags.Modality) === "MR" ? bValueOf([dataSet]) : null,
  temporalPosition:
    numberOf(dataSet, tags.TemporalPositionIdentifier) ?? uint32Of(dataSet, tags.TemporalPositionIndex),
  echoNumber: numberOf(dataSet, tags.EchoNumbers),
  echoTimeMs: numberOf(dataSet, tags.EchoTime),
  acquisitionNumber: numberOf(dataSet, tags.AcquisitionNumber),
  heartPhase: floatOf(dataSet, tags.NominalPercentageOfCardiacPhase),
  triggerTimeMs: numberOf(dataSet, tags.TriggerTime),
  stackId: stringOf(dataSet, tags.StackID),
});

function keysOfFrame(sources: readonly DataSet[]): VolumeKeys {
  const content = sources.flatMap((source) => source.items(tags.FrameContentSequence));
  const echo = sources.flatMap((source) => source.items(tags.MREchoSequence));
  const times = sources.flatMap((source) => source.items(tags.TemporalPositionSequence));
  const heart = sources.flatMap((source) => source.items(tags.CardiacSynchronizationSequence));
  return {
    bValue: bValueOf(sources),
    temporalPosition:
      first(content, (item) => uint32Of(item, tags.TemporalPositionIndex)) ??
      first(times, (item) => doubleOf(item, tags.TemporalPositionTimeOffset)),
    echoNumber: null,
    echoTimeMs: first(echo, (item) => doubleOf(item, tags.EffectiveEchoTime)),
    acquisitionNumber: first(content, (item) => uint16Of(item, tags.FrameAcquisitionNumber)),
    heartPhase: first(heart, (item) => floatOf(item, tags.NominalPercentageOfCardiacPhase)),
    triggerTimeMs: first(heart, (item) => doubleOf(item, tags.NominalCardiacTriggerDelayTime)),
    stackId: first(content, (item) => stringOf(item, tags.StackID)),
  };
}
