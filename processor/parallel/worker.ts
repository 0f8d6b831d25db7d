import { parentPort } from "node:worker_threads";
import { type KernelName, type KernelTask, kernels } from "./kernels.js";

/** One thread of the pool: runs the kernel that it is told, one after the other. */
parentPort!.on("message", ({ kernel, task }: { readonly kernel: KernelName; readonly task: KernelTask }) => {
  try {
    const run = kernels[kernel] as (task: KernelTask) => unknown;
    parentPort!.postMessage({ result: run(task) });
  } catch (error) {
    parentPort!.postMessage({ error });
  }
});
