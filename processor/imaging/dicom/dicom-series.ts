import type { Xyz } from "../volume/axes.js";
import type { Geometry } from "../volume/geometry.js";
import type { DataSet } from "./data-set.js";

/** The values of a series: whole numbers of 16 bits take half the time and the memory of others. */
export type DicomVoxels = Float32Array<SharedArrayBuffer> | Int16Array<SharedArrayBuffer>;

/** A DICOM series as one volume, with everything that a result needs to refer to it. */
export interface DicomSeries<Voxels extends DicomVoxels = Float32Array<SharedArrayBuffer>>
  extends DicomReference {
  /** `z × y × x` values after RescaleSlope and RescaleIntercept, in shared memory. */
  readonly voxels: Voxels;
  readonly geometry: Geometry;
  readonly warnings: readonly DicomWarning[];
}

/** The images of a series that a segmentation refers to. */
export interface DicomReference {
  /** Empty if the images do not have one. */
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Null if the images do not have one. */
  readonly frameOfReferenceUid: string | null;
  /** As in (0008,0060): CT, MR, PT. */
  readonly modality: string;
  /** True if the pixels went through a lossy compression. */
  readonly isLossy: boolean;
  /** One for each z index, ascending along the normal of the slices. */
  readonly slices: readonly DicomSlice[];
  /** The file of the first slice. Patient and study are copied from it. */
  readonly firstFile: DicomFirstFile;
}

export interface DicomFirstFile {
  readonly path: string;
  /** All elements before the pixels. */
  readonly dataSet: DataSet;
}

/** One slice of the volume: an instance, or one frame of it. */
export interface DicomSlice {
  readonly path: string;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** From 1, for an instance with several frames; null for an instance that is one image. */
  readonly frameNumber: number | null;
  /** ImagePositionPatient: the centre of the slice's first pixel. */
  readonly positionPatientMm: Xyz;
}

/** A peculiarity of a series that does not stop its reading. */
export interface DicomWarning {
  readonly code: DicomWarningCode;
  /** A sentence for the log, without data of the patient. */
  readonly message: string;
}

export type DicomWarningCode =
  | "duplicate-instance"
  | "ignored-localizer"
  | "ignored-no-position"
  | "single-slice"
  | "lossy"
  | "monochrome1"
  | "detector-spacing"
  | "no-position"
  | "text-replaced"
  | "frame-of-reference-differs"
  | "irregular-averaged"
  | "tilt-ignored";
