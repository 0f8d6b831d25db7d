import { isAbsolute, relative, resolve } from "node:path";
import type { Job } from "bullmq";
import type { Redis } from "ioredis";
import { mostDeaths } from "../batch/after-failure.js";
import { errorOfCode, isRuntimeErrorCode } from "../errors.js";
import type { EngineEvent, EngineJob } from "../service/engine/job-engine.js";
import type { JobWork } from "../service/engine/job-work.js";
import { serviceError } from "../service/errors.js";
import type { JobError } from "../service/jobs/job.js";
import { cancelKey, type EndEvent, readServiceJob, type ServiceJob } from "./service-job.js";
import type { ServiceProcess } from "./service-process.js";

export interface ServiceJobContext {
  readonly redis: Redis;
  readonly queueName: string;
  readonly process: ServiceProcess;
  /** The folders that jobs may use; empty for any. */
  readonly dataRoots: readonly string[];
  /** The model of an image, which jobs may use as well; null outside one. */
  readonly ownModel: string | null;
  readonly signal: AbortSignal;
}

const cancelLookMs = 500;
const progressEveryMs = 250;

/**
 * Runs a job of a service and tells the queue how far it is.
 *
 * @returns how it ended
 * @throws an error for a failure that another attempt may not have
 */
export async function runServiceJob(job: Job<ServiceJob>, context: ServiceJobContext): Promise<EndEvent> {
  const { redis, queueName, process, dataRoots, ownModel, signal } = context;
  const { id, work } = readServiceJob(job.data);
  const foreign = pathOutside(work, dataRoots, ownModel);
  if (foreign !== null) return refused(id, foreign);
  const isCanceled = async () => (await redis.exists(cancelKey(queueName, job.id!))) === 1;
  if (await isCanceled()) return { kind: "canceled", id };
  const looking = setInterval(() => {
    if (redis.status !== "ready") return;
    isCanceled().then(
      (found) => (found ? process.cancel() : null),
      () => {},
    );
  }, cancelLookMs);
  try {
    const end = await process.run({ id, work }, { onEvent: newsTo(job, redis), signal });
    if (end.kind === "failed" && mayRetry(end.error, job)) throw new Error(end.error.message);
    return end;
  } finally {
    clearInterval(looking);
  }
}

/** Sends news to the queue. While Redis is away there is none, and the job goes on. */
function newsTo(job: Job<ServiceJob>, redis: Redis): (event: EngineEvent) => void {
  let lastProgressMs = Number.NEGATIVE_INFINITY;
  return ({ id: _, ...news }) => {
    if (redis.status !== "ready") return;
    if (news.kind === "progress") {
      const now = performance.now();
      if (news.progress.fraction < 1 && now - lastProgressMs < progressEveryMs) return;
      lastProgressMs = now;
    }
    job.updateProgress(news).catch(() => {});
  };
}

/** A machine's failure is worth another attempt, on another machine if there is one. */
function mayRetry({ code }: JobError, { attemptsMade, stalledCounter, opts }: Job<ServiceJob>): boolean {
  if (code === "WORKER_DIED") return attemptsMade + stalledCounter + 1 < mostDeaths;
  const isOfService = (name: string): name is keyof typeof serviceError.entries =>
    Object.hasOwn(serviceError.entries, name);
  const exitCode = isRuntimeErrorCode(code)
    ? errorOfCode(code, "").exitCode
    : isOfService(code)
      ? serviceError.entries[code].exit
      : 1;
  return exitCode === 5 && attemptsMade + 1 < (opts.attempts ?? 1);
}

/** Returns a path of a job that is not below the data roots; null if there is none. */
function pathOutside(work: JobWork, dataRoots: readonly string[], ownModel: string | null): string | null {
  if (dataRoots.length === 0) return null;
  const outputDirs = work.stages.map(({ folder }) => resolve(work.outputDir, folder));
  const paths = [
    ...[work.outputDir, ...outputDirs, ...work.allowedRoots, ...work.archives],
    ...work.stages.map(({ modelDir }) => modelDir).filter((path) => path !== ownModel),
  ];
  const isInside = (path: string, root: string): boolean => {
    const below = relative(resolve(root), resolve(path));
    return !below.startsWith("..") && !isAbsolute(below);
  };
  return paths.find((path) => !isAbsolute(path) || !dataRoots.some((root) => isInside(path, root))) ?? null;
}

function refused(id: EngineJob["id"], path: string): EndEvent {
  const { code, message, help } = serviceError(
    "PATH_FORBIDDEN",
    `the job uses ${path}, which is not below the data roots of its worker`,
  );
  return { kind: "failed", id, error: { code, message, help } };
}
