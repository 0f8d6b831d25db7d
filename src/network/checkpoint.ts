/** What one fold's file holds that inference needs. */
export interface Checkpoint {
  readonly trainer: string;
  readonly configuration: string;
  /** Spatial axes that mirroring may flip; empty for none. */
  readonly mirrorAxes: readonly number[];
  readonly weights: NetworkWeights;
}

/** By the module's path, without the prefixes of DataParallel and torch.compile. */
export type NetworkWeights = ReadonlyMap<string, WeightTensor>;

/** The learnt values of one layer, read from the file only when they are asked for. */
export interface WeightTensor {
  readonly shape: readonly number[];
  /** As float32 in C order (last axis fastest), a few megabytes at a time; each chunk is the receiver's own. */
  chunks(): AsyncIterable<Float32Array<ArrayBuffer>>;
}
