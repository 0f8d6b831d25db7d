import type {
  EngineEvent,
  EngineJob,
  EngineListener,
  JobEngine,
} from "../../../processor/runtime/service/engine/job-engine.js";
import type { JobResult } from "../../../processor/runtime/service/jobs/job.js";

/** An engine whose jobs end when a test says so. */
export interface TestEngine extends JobEngine {
  /** The jobs that it has received, in their order. */
  readonly jobs: readonly EngineJob[];
  readonly canceled: readonly string[];
  report(event: EngineEvent): void;
  /** Starts a job and ends it without results. */
  finish(id: string): void;
}

export const emptyResult: JobResult = { time_elapsed: 1, gpu: null, stages: [], files: [] };

export function openTestEngine(listener: EngineListener): TestEngine {
  const jobs: EngineJob[] = [];
  const canceled: string[] = [];
  return {
    keepsJobs: false,
    jobs,
    canceled,
    report: listener,
    finish(id) {
      listener({ kind: "started", id });
      listener({ kind: "done", id, result: emptyResult });
    },
    submit: (job) => void jobs.push(job),
    cancel: (id) => void canceled.push(id),
    status: () => ({ isReady: true, reason: null, running: 0, loadedModels: [] }),
    expire: () => Promise.resolve(0),
    close: () => Promise.resolve(),
  };
}
