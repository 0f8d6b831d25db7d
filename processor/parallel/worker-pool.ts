import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { ProcessorError } from "../errors.js";
import type { KernelName, KernelTask, KernelTasks } from "./kernels.js";
import { threadLimits } from "./thread-limits.js";

/** Worker threads that run the numeric kernels over shared memory, so that the main thread stays free. */
export interface WorkerPool {
  readonly size: number;
  /** Runs one kernel on the next free worker. */
  run<Name extends KernelName>(
    kernel: Name,
    task: KernelTasks[Name]["task"],
  ): Promise<KernelTasks[Name]["result"]>;
  /** Stops the workers; tasks that have not ended are rejected. */
  close(): Promise<void>;
}

interface Job {
  readonly kernel: KernelName;
  readonly task: KernelTask;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** More threads than this only wait for memory. */
const maximumWorkers = 8;

/** Workers are started when first needed. */
export function createWorkerPool(size = Math.min(availableParallelism(), maximumWorkers)): WorkerPool {
  const idle: Worker[] = [];
  const running = new Map<Worker, Job>();
  const waiting: Job[] = [];
  let isClosed = false;

  function dispatch(): void {
    while (waiting.length > 0) {
      const worker = idle.pop() ?? (running.size < size ? start() : undefined);
      if (worker === undefined) return;
      const job = waiting.shift()!;
      running.set(worker, job);
      worker.ref();
      worker.postMessage({ kernel: job.kernel, task: job.task });
    }
  }

  function start(): Worker {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { resourceLimits: threadLimits });
    worker.on("message", (message: { readonly result?: never; readonly error?: Error }) => {
      const job = running.get(worker);
      running.delete(worker);
      idle.push(worker);
      // An idle pool must not keep the process alive.
      worker.unref();
      if (message.error !== undefined) job?.reject(message.error);
      else job?.resolve(message.result as never);
      dispatch();
    });
    worker.on("error", (error: Error & { code?: string }) => {
      const job = running.get(worker);
      running.delete(worker);
      job?.reject(
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
          ? new ProcessorError("OUT_OF_MEMORY", `a worker thread ran out of memory: ${error.message}`, {
              cause: error,
            })
          : error,
      );
      dispatch();
    });
    return worker;
  }

  return {
    size,
    run: (kernel, task) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new Error("the worker pool is closed"));
          return;
        }
        waiting.push({ kernel, task, resolve: resolve as (result: never) => void, reject });
        dispatch();
      }),
    async close() {
      isClosed = true;
      const closed = new Error("the worker pool was closed");
      for (const job of [...waiting.splice(0), ...running.values()]) job.reject(closed);
      await Promise.all([...idle, ...running.keys()].map((worker) => worker.terminate()));
    },
  };
}

/** A half-open range: `from` belongs to it, `to` does not. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Cuts `0 … count` into at most `parts` ranges of nearly equal length. */
export function splitRange(count: number, parts: number): readonly Range[] {
  const used = Math.max(1, Math.min(parts, count));
  return Array.from({ length: used }, (_, i) => ({
    from: Math.floor((i * count) / used),
    to: Math.floor(((i + 1) * count) / used),
  }));
}
