import type { Xyz } from "../volume/axes.js";
import type { DicomFile } from "./read-dicom-file.js";
import type { SopClassKind } from "./sop-classes.js";

/** An image of a series: a file with one image, or one frame of a file. */
export interface ImageFrame {
  readonly file: DicomFile;
  readonly kind: SopClassKind;
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly modality: string;
  /** From 1; null for a file with one image. */
  readonly frameNumber: number | null;
  readonly imageType: readonly string[];
  /** Null if it is absent. */
  readonly positionMm: Xyz | null;
  /** The cosines of rows and columns, as written; null if they are absent. */
  readonly orientation: readonly number[] | null;
  readonly frameOfReferenceUid: string | null;
  readonly rows: number;
  readonly columns: number;
  /** The distance between rows, then between columns; null if it is absent or not greater than 0. */
  readonly pixelSpacingMm: readonly [number, number] | null;
  readonly sliceThicknessMm: number | null;
  readonly spacingBetweenSlicesMm: number | null;
  readonly rescale: { readonly slope: number; readonly intercept: number };
  /** The values that can tell the volumes of a series apart. */
  readonly volumeKeys: VolumeKeys;
}

export interface VolumeKeys {
  readonly bValue: number | null;
  readonly temporalPosition: number | null;
  readonly echoNumber: number | null;
  readonly echoTimeMs: number | null;
  readonly acquisitionNumber: number | null;
  /** In percent of the time between two heartbeats. */
  readonly heartPhase: number | null;
  readonly triggerTimeMs: number | null;
  readonly stackId: string | null;
}

/** Returns a frame's name for messages: its file, and its number if the file has several. */
export const frameName = ({ file, frameNumber }: ImageFrame): string =>
  frameNumber === null ? file.name : `${file.name} frame ${frameNumber}`;
