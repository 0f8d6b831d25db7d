import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { sharedError } from "../../contract/shared-errors.js";
import { endThreads } from "../../files/end-threads.js";
import { threadLimits } from "./thread-limits.js";

/** Functions that run in a worker. Each takes one argument, which holds plain values and views of shared memory. */
export type Kernels = Readonly<Record<string, (task: never) => unknown>>;

/** The argument and the result of each kernel. */
export type KernelTasks<K extends Kernels> = {
  readonly [Name in keyof K]: { readonly task: Parameters<K[Name]>[0]; readonly result: ReturnType<K[Name]> };
};

/** Worker threads that run numeric kernels over shared memory, so that the main thread stays free. */
export interface WorkerPool<Tasks extends Record<string, { task: unknown; result: unknown }>> {
  readonly size: number;
  /** Runs one kernel on the next free worker. */
  run<Name extends keyof Tasks>(kernel: Name, task: Tasks[Name]["task"]): Promise<Tasks[Name]["result"]>;
  /** Stops the workers and rejects the tasks that have not ended. */
  close(): Promise<void>;
}

interface Job {
  readonly kernel: PropertyKey;
  readonly task: unknown;
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
  timer?: NodeJS.Timeout;
}

/** A task that ran longer than its pool allows, so that its worker was stopped. */
export class TaskTimeout extends Error {
  override readonly name = "TaskTimeout";
}

export interface WorkerLimits {
  /** Returns the longest time that a task may take; null to let tasks run as long as they take. */
  readonly longestTaskMs: ((task: unknown) => number) | null;
}

/** The most threads; more would only wait for memory. */
const maximumWorkers = 8;

/** Returns the number of threads that a pool uses on this machine. */
export const defaultWorkers = (): number => Math.min(availableParallelism(), maximumWorkers);

/**
 * Creates a pool, whose workers start when they are first needed.
 *
 * @param program the module that runs in each worker and calls `serveKernels`
 */
export function createWorkerPool<Tasks extends Record<string, { task: unknown; result: unknown }>>(
  program: URL,
  size = defaultWorkers(),
  { longestTaskMs }: WorkerLimits = { longestTaskMs: null },
): WorkerPool<Tasks> {
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
      if (longestTaskMs !== null) job.timer = setTimeout(() => stop(worker, job), longestTaskMs(job.task));
    }
  }

  /** Stops a worker whose task takes too long. Another one takes its place. */
  function stop(worker: Worker, job: Job): void {
    running.delete(worker);
    void endThreads([worker]);
    job.reject(new TaskTimeout(`${String(job.kernel)} ran too long`));
    dispatch();
  }

  function start(): Worker {
    const worker = new Worker(program, { resourceLimits: threadLimits });
    worker.on("message", (message: { readonly result?: never; readonly error?: Error }) => {
      const job = running.get(worker);
      // A worker that was stopped may still have answered.
      if (job === undefined) return;
      clearTimeout(job.timer);
      running.delete(worker);
      idle.push(worker);
      // An idle pool must not keep the process alive.
      worker.unref();
      if (message.error !== undefined) job.reject(message.error);
      else job.resolve(message.result as never);
      dispatch();
    });
    worker.on("error", (error: Error & { code?: string }) => {
      const job = running.get(worker);
      clearTimeout(job?.timer);
      running.delete(worker);
      job?.reject(
        error.code === "ERR_WORKER_OUT_OF_MEMORY"
          ? sharedError("OUT_OF_MEMORY", `a worker thread ran out of memory: ${error.message}`, {
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
      for (const job of [...waiting.splice(0), ...running.values()]) {
        clearTimeout(job.timer);
        job.reject(closed);
      }
      await endThreads([...idle, ...running.keys()]);
    },
  };
}
