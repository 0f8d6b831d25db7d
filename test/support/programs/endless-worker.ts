import { serveKernels } from "../../../processor/imaging/threads/serve-kernels.js";

/** A worker with one kernel that never returns. */
serveKernels({
  endless: () => {
    for (;;);
  },
  double: (value: number) => 2 * value,
});
