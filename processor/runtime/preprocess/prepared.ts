import type { Zyx } from "../../imaging/volume/axes.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";

/** The network's input grid, and how it came about. */
export interface Prepared {
  /** `channel × z × y × x` in transposed axes, on shared memory; one-hot channels of a previous stage last. */
  readonly data: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly history: PreprocessHistory;
}
