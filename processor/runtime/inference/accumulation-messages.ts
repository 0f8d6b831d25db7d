import type { HeadRange } from "../../contract/head-ranges.js";
import type { Zyx } from "../../imaging/volume/axes.js";
import type { SumsShape, WindowOutputs } from "./window-sums.js";

/** What the thread with the network tells one that sums. They come in order; `begin` starts a case. */
export type ToAccumulationWorker =
  | {
      readonly type: "begin";
      readonly shape: SumsShape;
      readonly range: HeadRange;
      /** Which of the threads this is. */
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

/** Indices of the shared state: what failed, … */
export const failureIndex = 0;
/** … how many parts of slabs are finished, all threads together, … */
export const finishedIndex = 1;
/** … and from here on, for each thread, how many outputs it has added. */
export const addedIndex = 2;

/** Values at `failureIndex`. */
export const failedOtherwise = 1;
export const failedForMemory = 2;
