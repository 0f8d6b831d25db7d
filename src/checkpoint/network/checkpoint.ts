/** The contents of a fold's file that inference needs. */
export interface Checkpoint {
  readonly trainer: string;
  readonly configuration: string;
  /** Spatial axes that mirroring may flip; empty for no mirroring. */
  readonly mirrorAxes: readonly number[];
  readonly weights: NetworkWeights;
}

/** The weights by module path, without the prefixes of DataParallel and torch.compile. */
export type NetworkWeights = ReadonlyMap<string, WeightTensor>;

/** The learnt values of one layer, read from the file on demand. */
export interface WeightTensor {
  readonly shape: readonly number[];
  /**
   * Yields the values as float32 in C order (last axis fastest), a few megabytes at a time. The caller owns
   * each chunk.
   */
  chunks(): AsyncIterable<Float32Array<ArrayBuffer>>;
}
