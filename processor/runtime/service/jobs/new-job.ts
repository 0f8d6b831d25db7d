import type { JobWork } from "../engine/job-work.js";

/** A job to run. */
export interface NewJob {
  readonly id: string;
  readonly models: readonly string[];
  readonly client: string;
  readonly request: unknown;
  readonly work: JobWork;
  readonly idempotency: IdempotencyKey | null;
  /** Moves the job's files to their places. It is called once, and not for a job that exists already. */
  readonly prepare: () => Promise<void>;
}

/** The client's key for a request, with the digest of the request. */
export interface IdempotencyKey {
  readonly key: string;
  readonly digest: string;
}
