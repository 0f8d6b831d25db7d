import { setTimeout as wait } from "node:timers/promises";
import { serviceError } from "../errors.js";
import type { EngineJob, EngineListener, EngineStatus, JobEngine } from "./job-engine.js";
import { WorkerProcess, type WorkerProcessOptions } from "./worker-process.js";

export interface LocalEngineOptions {
  /** One worker for each GPU, or one for the CPU. */
  readonly workers: readonly Omit<WorkerProcessOptions, "onEvent" | "onFree">[];
  readonly listener: EngineListener;
}

/** Runs jobs on this machine, in the order in which they come, in processes of their own. */
export function openLocalEngine({ workers: wanted, listener }: LocalEngineOptions): JobEngine {
  const waiting: EngineJob[] = [];
  let isClosing = false;
  const workers = wanted.map(
    (options) => new WorkerProcess({ ...options, onEvent: listener, onFree: () => startNext() }),
  );

  function startNext(): void {
    for (const worker of workers) {
      if (isClosing || waiting.length === 0) return;
      if (worker.current === null) worker.run(waiting.shift()!);
    }
  }

  async function drain(graceMs: number): Promise<void> {
    const idle = Promise.all(workers.map((worker) => worker.idle()));
    const end = new AbortController();
    await Promise.race([idle, wait(graceMs, undefined, { signal: end.signal, ref: false }).catch(() => {})]);
    end.abort();
    const { code, message, help } = serviceError(
      "SERVER_RESTARTED",
      "the server was stopped while the job ran",
    );
    for (const worker of workers) worker.interrupt({ code, message, help });
    await Promise.all(workers.map((worker) => worker.close()));
  }

  return {
    keepsJobs: false,
    submit(job) {
      waiting.push(job);
      startNext();
    },
    // The first worker converts for all of them; each loads networks for itself.
    prepare: (models, onEvent) => workers[0]!.prepare(models, onEvent),
    cancel(id) {
      const place = waiting.findIndex((job) => job.id === id);
      if (place === -1) workers.find(({ current }) => current?.id === id)?.cancel();
      else {
        waiting.splice(place, 1);
        listener({ kind: "canceled", id });
      }
    },
    status(): EngineStatus {
      return {
        isReady: !isClosing,
        reason: isClosing ? "the server is stopping" : null,
        running: workers.filter(({ current }) => current !== null).length,
        loadedModels: workers.flatMap(({ loaded }) => loaded),
      };
    },
    async expire() {
      const counts = await Promise.all(workers.map((worker) => worker.expire()));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async close(graceMs) {
      isClosing = true;
      await drain(graceMs);
    },
  };
}
