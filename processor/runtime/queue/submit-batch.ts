import { Queue } from "bullmq";
import type { Redis } from "ioredis";
import { hasItsFiles, isOfRun, readRecord } from "../batch/case-record.js";
import type { OpenedBatch } from "../batch/open-batch.js";
import { type CaseJob, jobIdOf } from "./case-job.js";

export interface SubmitOptions {
  readonly redis: Redis;
  readonly queueName: string;
  /** The attempts of a case that a machine's failure is worth. */
  readonly attempts: number;
  readonly signal: AbortSignal;
}

/** How many cases of a batch went to the queue. */
export interface SubmitReport {
  readonly submitted: number;
  /** Cases that are waiting or running already. */
  readonly alreadyThere: number;
  readonly done: number;
}

/** The jobs that go to Redis at once. */
const chunk = 500;

/** Redis keeps ended jobs for a day; results are in files. */
const keptSeconds = 24 * 3600;

/** Puts the cases of a batch that are not done into a queue. A case that is there already is left alone. */
export async function submitBatch(batch: OpenedBatch, options: SubmitOptions): Promise<SubmitReport> {
  const { redis, queueName, attempts, signal } = options;
  const queue = new Queue<CaseJob>(queueName, { connection: redis });
  queue.on("error", () => {});
  try {
    const wanted = await casesToDo(batch, signal);
    const ids = new Map(wanted.map((name) => [jobIdOf(batch, name), name]));
    const present = await presentJobs(queue, ids);
    const fresh = [...ids].filter(([id]) => !present.has(id));
    for (let i = 0; i < fresh.length; i += chunk) {
      signal.throwIfAborted();
      await queue.addBulk(
        fresh.slice(i, i + chunk).map(([jobId, name]) => ({
          name: "case",
          data: { kind: "batch-case", folder: batch.folder.root, case: name },
          opts: {
            jobId,
            attempts,
            backoff: { type: "exponential", delay: 2000 },
            removeOnComplete: { age: keptSeconds },
          },
        })),
      );
    }
    const { length } = batch.manifest.cases;
    return { submitted: fresh.length, alreadyThere: present.size, done: length - wanted.length };
  } finally {
    await queue.close();
  }
}

async function casesToDo(
  { folder, manifest, run }: OpenedBatch,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const names: string[] = [];
  for (const one of manifest.cases) {
    const record = await readRecord(folder, one.name);
    const isDone = record?.state === "done" && isOfRun(record, one, run);
    if (!(isDone && (await hasItsFiles(folder, record, signal)))) names.push(one.name);
  }
  return names;
}

/** Returns the jobs that wait or run, and removes those that have ended, so that they can be submitted again. */
async function presentJobs(
  queue: Queue<CaseJob>,
  ids: ReadonlyMap<string, string>,
): Promise<ReadonlySet<string>> {
  for (const job of await queue.getJobs(["completed", "failed"]))
    if (job?.id !== undefined && ids.has(job.id)) await job.remove();
  const jobs = await queue.getJobs(["waiting", "active", "delayed", "prioritized"]);
  return new Set(jobs.flatMap((job) => (job?.id !== undefined && ids.has(job.id) ? job.id : [])));
}

/** Removes the cases of a batch that wait in a queue, and returns their number. */
export async function withdrawBatch(root: string, redis: Redis, queueName: string): Promise<number> {
  const queue = new Queue<CaseJob>(queueName, { connection: redis });
  queue.on("error", () => {});
  try {
    const jobs = await queue.getJobs(["waiting", "delayed", "prioritized"]);
    const own = jobs.filter((job) => job?.data.folder === root);
    for (const job of own) await job.remove();
    return own.length;
  } finally {
    await queue.close();
  }
}

/** Returns whether no case waits or runs. */
export async function isQueueEmpty(redis: Redis, queueName: string): Promise<boolean> {
  const queue = new Queue<CaseJob>(queueName, { connection: redis });
  queue.on("error", () => {});
  try {
    const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
    return Object.values(counts).every((count) => count === 0);
  } finally {
    await queue.close();
  }
}
