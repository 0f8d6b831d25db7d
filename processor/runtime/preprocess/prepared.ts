import type { Zyx } from "../../imaging/volume/axes.js";
import type { PreprocessHistory } from "../../nnunet-files/preprocess-history.js";

/** The network's input, and the steps of the preprocessing that led to it. */
export interface Prepared {
  /** `channel × z × y × x` in transposed axes, in shared memory. The one-hot channels of an earlier stage come last. */
  readonly data: Float32Array<SharedArrayBuffer>;
  readonly channelCount: number;
  readonly sizeZyx: Zyx;
  readonly history: PreprocessHistory;
}
