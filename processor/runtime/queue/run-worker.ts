import { once } from "node:events";
import { stat } from "node:fs/promises";
import { totalmem } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { EventListener } from "../../contract/progress/run-event.js";
import { predictDefaults } from "../../contract/setting-choices.js";
import { sharedError } from "../../contract/shared-errors.js";
import { type RunWords, runChoices, sharedSettings } from "../batch/run-choices.js";
import { BatchWorker, type QueueTimes, queueTimes } from "./batch-worker.js";
import { connectRedis } from "./connect-redis.js";
import { isQueueEmpty } from "./submit-batch.js";

export interface WorkerOptions {
  /** The address of Redis. */
  readonly redis: string;
  readonly queue: string;
  readonly dataRoots: readonly string[];
  readonly untilEmpty: boolean;
  /** Null for what the batch says. */
  readonly device: "auto" | "cpu" | "cuda" | null;
  /** The threads of each case at a time; null for a fair share of the cores. */
  readonly threads: number | null;
  readonly words: Pick<RunWords, "gpus" | "jobs" | "retries" | "grace">;
}

/** What differs between the programs that have a worker. */
export interface WorkerContext {
  /** The module of the process that computes the jobs of services. */
  readonly program: string;
  /** The converted model of an image; null outside one. */
  readonly ownModel: string | null;
  readonly cacheFolder: string;
  /** `queueTimes` by default. */
  readonly times?: QueueTimes;
  readonly note: (line: string) => void;
  readonly onEvent: EventListener;
  readonly signal: AbortSignal;
}

const lookMs = 500;

/** The longest that a job of a service waits for free memory of a GPU; then another worker may have it. */
const gpuWaitMs = 120_000;

/**
 * Computes the cases of batches and the jobs of services that are in a queue, until the signal, or until the queue is empty.
 *
 * @throws USAGE, QUEUE_UNREACHABLE, QUEUE_UNFIT; a failure that every case would have on this machine
 */
export async function runWorker(options: WorkerOptions, context: WorkerContext): Promise<void> {
  const { queue, dataRoots, untilEmpty, device: givenDevice, threads: givenThreads, words } = options;
  const { program, ownModel, cacheFolder, times = queueTimes, note, onEvent, signal } = context;
  const { workers, retries, graceSeconds } = runChoices(words, {});
  const { device, threads } = sharedSettings(
    { ...predictDefaults(), threads: givenThreads, device: givenDevice ?? "auto" },
    workers,
  );
  await requireFolders(dataRoots);
  const { redis, warnings } = await connectRedis(options.redis);
  for (const warning of warnings) note(`warning: ${warning}`);
  const end = new AbortController();
  let failure: Error | null = null;
  const worker = new BatchWorker({
    redis,
    queueName: queue,
    workers,
    dataRoots,
    ownModel,
    retries,
    ownSettings: (settings) =>
      sharedSettings({ ...settings, threads: givenThreads, device: givenDevice ?? settings.device }, workers),
    service: {
      program,
      settings: {
        device,
        threads,
        modelMemoryBytes: totalmem() / 2 / workers.length,
        cacheFolder,
        gpuWaitMs,
      },
      onDeath: (text) => note(`warning: ${text}`),
    },
    times,
    onEvent,
    onFailure: (error) => {
      failure ??= error;
      end.abort();
    },
  });
  note(`waiting for cases and jobs of the queue ${queue}`);
  const stopped = AbortSignal.any([signal, end.signal]);
  try {
    if (!untilEmpty) await (stopped.aborted ? null : once(stopped, "abort"));
    else
      while (!stopped.aborted && !(await isQueueEmpty(redis, queue)))
        await wait(lookMs, undefined, { signal: stopped }).catch(() => {});
  } finally {
    await worker.close(graceSeconds * 1000);
    redis.disconnect();
  }
  if (failure !== null) throw failure;
}

/** A worker whose data root is misspelled would leave every case to others, and never say why. */
async function requireFolders(dataRoots: readonly string[]): Promise<void> {
  for (const root of dataRoots)
    if (!(await stat(root).catch(() => null))?.isDirectory())
      throw sharedError("USAGE", `--data-root ${root} does not exist, or is not a folder`);
}
