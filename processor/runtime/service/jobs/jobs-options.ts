import type { OpenEngine } from "../engine/job-engine.js";
import type { JobStore } from "./job-store.js";
import type { StoredJob } from "./stored-job.js";

/** The most jobs that may wait, and the most of one client. */
export interface QueueLimits {
  readonly maxWaiting: number;
  readonly maxWaitingOfClient: number;
}

export interface JobsOptions extends QueueLimits {
  readonly store: JobStore;
  readonly openEngine: OpenEngine;
  /** True to run a job again, but only once, if the server died while it ran. */
  readonly resumes: boolean;
  /** Adds what must be done after the end of a job, before the end is stored. */
  readonly withDuties: (job: StoredJob) => StoredJob;
  readonly now: () => Date;
  /** Receives a failure that no client sees, such as a job's file that cannot be written. */
  readonly onTrouble: (error: unknown) => void;
}
