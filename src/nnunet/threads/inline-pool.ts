import { type RuntimePool, runtimeKernels } from "../../../processor/runtime/threads/kernels.js";

/**
 * A pool that runs each kernel in the calling thread: cases are worked on side by side, so a case itself needs no further
 * threads.
 */
export const inlinePool: RuntimePool = {
  size: 1,
  run: async (kernel, task) => runtimeKernels[kernel](task as never) as never,
  close: async () => {},
};
