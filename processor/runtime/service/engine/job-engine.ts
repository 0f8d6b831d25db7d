import type { JobError, JobProgress, JobResult } from "../jobs/job.js";
import type { ModelSource } from "../models/model-source.js";
import type { JobWork, StageWork } from "./job-work.js";

/** A job as an engine receives it. */
export interface EngineJob {
  readonly id: string;
  readonly work: JobWork;
}

/** What happens to a job in an engine. The last four end it. */
export type EngineEvent =
  | { readonly kind: "waiting_for_device"; readonly id: string }
  | { readonly kind: "started"; readonly id: string }
  | { readonly kind: "progress"; readonly id: string; readonly progress: JobProgress }
  | { readonly kind: "log"; readonly id: string; readonly line: string }
  | { readonly kind: "done"; readonly id: string; readonly result: JobResult }
  | { readonly kind: "failed"; readonly id: string; readonly error: JobError }
  | { readonly kind: "canceled"; readonly id: string }
  | { readonly kind: "interrupted"; readonly id: string; readonly error: JobError };

export type EngineListener = (event: EngineEvent) => void;

/** What an engine is doing. */
export interface EngineStatus {
  /** False if the engine can take no job now, for example because its queue does not answer; the reason is for people. */
  readonly isReady: boolean;
  readonly reason: string | null;
  readonly running: number;
  /** Null if unknown. */
  readonly loadedModels: readonly LoadedNetworks[] | null;
}

export interface LoadedNetworks {
  readonly modelId: string;
  readonly bytes: number;
}

/** A model that is made ready before a job needs it. */
export interface PreparedModel extends Pick<StageWork, "modelId" | "modelDir" | "checkpointName" | "folds"> {
  /** Where the model comes from, instead of its folder; null for a folder. */
  readonly source: ModelSource | null;
}

/** How far an engine is with a model that it makes ready. The last two end it. */
export type PrepareEvent =
  | { readonly kind: "preparing"; readonly modelId: string; readonly line: string }
  /** The folder is that of the converted model. */
  | { readonly kind: "prepared"; readonly modelId: string; readonly folder: string }
  | { readonly kind: "unprepared"; readonly modelId: string; readonly error: JobError };

/**
 * What computes jobs. It takes them in the order of `submit` and never computes on the thread that answers requests. It
 * reports each job's end exactly once.
 */
export interface JobEngine {
  /**
   * True if jobs go on without this server. A server that starts then submits all jobs that have not ended again, even running
   * ones, and learns their states.
   */
  readonly keepsJobs: boolean;
  submit(job: EngineJob): void;
  /** Makes models ready, one after the other; absent if other machines do that. */
  prepare?(models: readonly PreparedModel[], listener: (event: PrepareEvent) => void): Promise<void>;
  /** Ends a job: one that waits at once, one that runs before its next window. A job that has ended is left alone. */
  cancel(id: string): void;
  status(): EngineStatus;
  /** Frees the networks that no job uses, and returns their number. */
  expire(): Promise<number>;
  /**
   * Ends the engine. Jobs that run may finish within the grace; after it they end as `interrupted`, unless they go on
   * without this server. Jobs that wait are left as they are, without an event.
   */
  close(graceMs: number): Promise<void>;
}

/** Opens an engine that reports to a listener. */
export type OpenEngine = (listener: EngineListener) => Promise<JobEngine>;
