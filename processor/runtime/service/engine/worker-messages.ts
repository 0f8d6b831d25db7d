import type { JobError, JobProgress, JobResult } from "../jobs/job.js";
import type { EngineJob, LoadedNetworks, PreparedModel, PrepareEvent } from "./job-engine.js";

/** What a worker process is told at its start. */
export interface WorkerSettings {
  readonly device: "auto" | "cpu" | "cuda";
  readonly threads: number | null;
  /** The most bytes of weights that stay loaded between jobs. */
  readonly modelMemoryBytes: number;
  /** Where converted models are kept. */
  readonly cacheFolder: string;
  /** The longest that a job waits for a GPU with enough free memory. */
  readonly gpuWaitMs: number;
}

export type ToWorker =
  | { readonly kind: "open"; readonly settings: WorkerSettings }
  | { readonly kind: "run"; readonly job: EngineJob }
  | { readonly kind: "prepare"; readonly models: readonly PreparedModel[] }
  | { readonly kind: "cancel" }
  | { readonly kind: "expire" };

export type FromWorker =
  | PrepareEvent
  | { readonly kind: "all_prepared"; readonly loaded: readonly LoadedNetworks[] }
  | { readonly kind: "waiting_for_device" }
  | { readonly kind: "started" }
  | { readonly kind: "progress"; readonly progress: JobProgress }
  | { readonly kind: "log"; readonly line: string }
  | { readonly kind: "done"; readonly result: JobResult; readonly loaded: readonly LoadedNetworks[] }
  | { readonly kind: "failed"; readonly error: JobError; readonly loaded: readonly LoadedNetworks[] }
  | { readonly kind: "canceled"; readonly loaded: readonly LoadedNetworks[] }
  | { readonly kind: "expired"; readonly count: number };
