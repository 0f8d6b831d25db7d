import { createHash } from "node:crypto";
import { anything, kinds, oneOf, record, text } from "../../contract/json-check.js";
import type { EngineEvent, EngineJob } from "../service/engine/job-engine.js";
import type { JobWork } from "../service/engine/job-work.js";
import { jobError, jobProgress, jobResult } from "../service/jobs/job.js";

/** A job of a service as the queue holds it. */
export interface ServiceJob {
  readonly kind: "service-job";
  readonly id: string;
  readonly work: JobWork;
}

const serviceJob = record({
  kind: oneOf(["service-job"]),
  id: text,
  /** A JobWork, which a service wrote. */
  work: anything,
});

/** @throws JsonMismatch */
export const readServiceJob = (data: unknown): EngineJob => {
  const { id, work } = serviceJob.read(data, "");
  return { id, work: work as JobWork };
};

/** What a worker says about a job while it runs: the events of an engine, without the job's id. */
export const workerNews = kinds({
  waiting_for_device: record({}),
  started: record({}),
  progress: record({ progress: jobProgress }),
  log: record({ line: text }),
});

/** How a job ended. It is the answer of the queue's job, also for a failure, which is not repeated. */
export const workerAnswer = kinds({
  done: record({ result: jobResult }),
  failed: record({ error: jobError }),
  canceled: record({}),
});

/** The events after which a job is over. */
export type EndEvent = Extract<
  EngineEvent,
  { readonly kind: "done" | "failed" | "canceled" | "interrupted" }
>;

export const isEnd = (event: EngineEvent): event is EndEvent =>
  ["done", "failed", "canceled", "interrupted"].includes(event.kind);

/** Returns the id of a job in the queue. Other services may have a job of the same name, but not with the same folder. */
export const queueIdOf = ({ id, work }: EngineJob): string =>
  createHash("sha256")
    .update(JSON.stringify([id, work.outputDir]))
    .digest("hex")
    .slice(0, 32);

/** The key in Redis that says that a running job is to stop. */
export const cancelKey = (queueName: string, queueId: string): string => `${queueName}:cancel:${queueId}`;

/** A mark of a job that nobody takes any more disappears after a day. */
export const cancelKeySeconds = 24 * 3600;
