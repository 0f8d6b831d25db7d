/** Answers to questions that a series can leave open. None is guessed: without an answer, such a series is refused. */
export interface DicomReadOptions {
  /** The series to read, if there are several. */
  readonly seriesInstanceUid?: string;
  /** Picks the volume with the nearest b-value, in s/mm²; of two that are equally near, the smaller one. */
  readonly bValue?: number;
  readonly acquisitionNumber?: number;
  readonly temporalPosition?: number;
  readonly echoNumber?: number;
  /** `average` reads slices with gaps or uneven steps, with the mean spacing. */
  readonly irregularSlices?: "refuse" | "average";
  /** `ignore` stacks slices that are shifted against each other along their normal. */
  readonly gantryTilt?: "refuse" | "ignore";
  /** `invert` inverts the stored values of CT, MR and PET images that are shown inverted (MONOCHROME1). */
  readonly monochrome1?: "keep" | "invert";
  /** The most bytes of a series' pixels; 4 GiB if absent. */
  readonly largestBytes?: number;
}
