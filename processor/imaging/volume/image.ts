import type { DicomReference } from "../dicom/dicom-series.js";
import type { Geometry } from "./geometry.js";
import type { LabelName } from "./label-map.js";

export type VoxelArray =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** An image as read from its file: the voxels of one or more components, and their grid. */
export interface Image {
  /** `components × z × y × x` values, x fastest; already scaled (by scl_slope or RescaleSlope). */
  readonly voxels: VoxelArray;
  /** 1 for a grey image; 3 for RGB; the length of the fourth axis of a 4-D file. */
  readonly components: number;
  readonly geometry: Geometry;
  /**
   * The number of voxels that are NaN or infinite in the file and 0 here, as in the model's reader; absent if there are
   * none.
   */
  readonly zeroedVoxels?: number;
  /**
   * True if the components are the values of one voxel, such as colours, and not volumes along a fourth axis; absent if not.
   * nnU-Net's SimpleITKIO takes the slices of such an image for channels.
   */
  readonly areVectors?: true;
  /** The names of labels, for a NIfTI file to hold; absent for none. */
  readonly names?: readonly LabelName[];
  /** What the file's format stores besides the geometry, so that a result can be written in the same way. */
  readonly source: ImageSource;
}

/** An image without its voxels. */
export type ImageHead = Omit<Image, "voxels">;

/** The origin of an image: its file or series, and what their format stores besides the geometry. */
export type ImageSource = FileSource | DicomSource;

type FileSource = NiftiSource | HeaderFieldsSource | PlainSource;

export interface NiftiSource {
  readonly format: "nifti";
  readonly path: string;
  /**
   * The codes and matrices as stored, kept bit for bit in a result of the same format; null for an image that was not
   * read from a file.
   */
  readonly nifti: NiftiOrientation | null;
}

export interface HeaderFieldsSource {
  readonly format: "metaimage" | "nrrd";
  readonly path: string;
  /**
   * The numbers that place the image in space, as written in the file, with all digits; empty for an image that was not
   * read from a file.
   */
  readonly fields: Readonly<Record<string, string>>;
}

/** A format whose files say nothing beyond the geometry. */
export interface PlainSource {
  readonly format: "gipl" | "png" | "bmp" | "tiff";
  readonly path: string;
}

/** A series of DICOM images. */
export interface DicomSource {
  readonly format: "dicom";
  /** The folder or file that the user named. */
  readonly path: string;
  readonly series: DicomReference;
}

/** A format that a file's ending stands for. */
export type ImageFormat = FileSource["format"];

/** The orientation fields of a NIfTI-1 or NIfTI-2 header, unchanged. */
export interface NiftiOrientation {
  readonly version: 1 | 2;
  readonly qformCode: number;
  readonly sformCode: number;
  /** pixdim[0..7]; pixdim[0] is qfac. */
  readonly pixdim: readonly number[];
  /** quatern b, c, d and qoffset x, y, z. */
  readonly quaternion: readonly number[];
  /** srow_x, srow_y, srow_z: 12 numbers, RAS. */
  readonly srow: readonly number[];
  readonly xyztUnits: number;
}
