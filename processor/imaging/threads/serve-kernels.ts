import { parentPort } from "node:worker_threads";
import type { Kernels } from "./worker-pool.js";

/** Makes this thread a worker of a pool, which runs the kernels that it receives one after the other. */
export function serveKernels(kernels: Kernels): void {
  parentPort!.on("message", async ({ kernel, task }: { readonly kernel: string; readonly task: never }) => {
    try {
      parentPort!.postMessage({ result: await kernels[kernel]!(task) });
    } catch (error) {
      parentPort!.postMessage({ error });
    }
  });
}
