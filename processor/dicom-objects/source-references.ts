import type { DicomReference, DicomSlice } from "../imaging/dicom/dicom-series.js";
import type { Attributes } from "./elements.js";
import { uidOf } from "./uid.js";

/** Returns the reference to the instance of a slice, and to its frame if it has several (PS3.3, 10.3). */
export function instanceReference({ sopClassUid, sopInstanceUid, frameNumber }: DicomSlice): Attributes {
  return {
    ReferencedSOPClassUID: sopClassUid,
    ReferencedSOPInstanceUID: sopInstanceUid,
    ReferencedFrameNumber: frameNumber,
  };
}

/** Returns a reference to every instance of the series, in the order of the slices. */
export function allInstances({ slices }: DicomReference): readonly Attributes[] {
  const found = new Map(slices.map((slice) => [slice.sopInstanceUid, slice]));
  return [...found.values()].map((slice) => instanceReference({ ...slice, frameNumber: null }));
}

/** Returns the study of a result: that of the images, or one of its own for images that do not say it. */
export const studyOf = ({ studyInstanceUid, seriesInstanceUid }: DicomReference): string =>
  studyInstanceUid === "" ? uidOf("study", seriesInstanceUid) : studyInstanceUid;

/** Returns the frame of reference of a result: that of the images, or one of its own for images without. */
export const frameOfReferenceOf = ({ frameOfReferenceUid, seriesInstanceUid }: DicomReference): string =>
  frameOfReferenceUid ?? uidOf("frame of reference", seriesInstanceUid);

/** Returns what a UID of a result depends on: the images, in order. */
export const identityOf = ({ seriesInstanceUid, slices }: DicomReference): string =>
  [
    seriesInstanceUid,
    ...slices.map(({ sopInstanceUid, frameNumber }) => `${sopInstanceUid}/${frameNumber ?? 1}`),
  ].join("\n");
