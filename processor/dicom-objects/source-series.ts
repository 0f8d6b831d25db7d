import type { DicomReference } from "../imaging/dicom/dicom-series.js";
import type { Geometry } from "../imaging/volume/geometry.js";

/** The series that a result was made from and refers to. */
export interface SourceSeries {
  readonly reference: DicomReference;
  /** The grid of its volume, which is also that of the results. */
  readonly geometry: Geometry;
}
