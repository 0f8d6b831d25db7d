import type { HeadRange } from "../../contract/head-ranges.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { SumsShape, WindowOutputs } from "./window-sums.js";

/** The messages from the thread with the network to a thread that sums. They arrive in order; `begin` starts a case. */
export type ToAccumulationWorker =
  | {
      readonly type: "begin";
      readonly shape: SumsShape;
      readonly range: HeadRange;
      /** The index of the receiving thread. */
      readonly index: number;
      readonly state: Int32Array<SharedArrayBuffer>;
    }
  | { readonly type: "add"; readonly outputs: WindowOutputs }
  | { readonly type: "weights"; readonly cornersZyx: readonly Zyx[] }
  | {
      readonly type: "finish";
      readonly from: number;
      readonly to: number;
      readonly slab: Float32Array<SharedArrayBuffer>;
    }
  | { readonly type: "advance"; readonly slices: number };

/** Index in the shared state of the kind of failure; 0 if nothing failed. */
export const failureIndex = 0;
/** Index in the shared state of the number of finished parts of slabs, over all threads. */
export const finishedIndex = 1;
/** First index in the shared state of the numbers of outputs that each thread has added, one number for each thread. */
export const addedIndex = 2;

/** The values at `failureIndex`. */
export const failedOtherwise = 1;
export const failedForMemory = 2;
