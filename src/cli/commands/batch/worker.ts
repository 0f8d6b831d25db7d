import { once } from "node:events";
import { tmpdir, totalmem } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { InferredOptionTypes } from "yargs";
import { cacheFolderOrNull } from "../../../../processor/contract/cache-folder.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import { predictDefaults } from "../../../../processor/contract/setting-choices.js";
import { runChoices, sharedSettings } from "../../../../processor/runtime/batch/run-choices.js";
import { BatchWorker } from "../../../../processor/runtime/queue/batch-worker.js";
import { connectRedis } from "../../../../processor/runtime/queue/connect-redis.js";
import { isQueueEmpty } from "../../../../processor/runtime/queue/submit-batch.js";
import { trainedWorker } from "../../../predict/service/serve-models.js";
import type { CommandSession } from "../../command-session.js";
import type { batchWorkerOptions } from "../../options/scheduler-options.js";
import { redisAddress } from "../../redis-address.js";

type WorkerArguments = InferredOptionTypes<typeof batchWorkerOptions>;

const lookMs = 500;

/** The longest that a job of a service waits for free memory of a GPU; then another worker may have it. */
const gpuWaitMs = 120_000;

/**
 * `build_processor batch worker`: computes the cases of batches and the jobs of services that are in a queue.
 *
 * @returns 0 when it is stopped, or when the queue is empty and --until-empty was given
 */
export async function runBatchWorker(args: WorkerArguments, session: CommandSession): Promise<number> {
  const { progress, environment, signal } = session;
  const { gpus, jobs, retries: retryWord, grace } = args;
  const { workers, retries, graceSeconds } = runChoices(
    { gpus, jobs, retries: retryWord, grace },
    { CUDA_VISIBLE_DEVICES: environment["CUDA_VISIBLE_DEVICES"] },
  );
  const { redis, warnings } = await connectRedis(redisAddress(args.redis, environment));
  for (const warning of warnings) progress.note(`warning: ${warning}`);
  const end = new AbortController();
  let failure: Error | null = null;
  const { device, threads } = sharedSettings(
    { ...predictDefaults(), device: args.device ?? "auto" },
    workers,
  );
  const worker = new BatchWorker({
    redis,
    queueName: args.queue,
    workers,
    dataRoots: args["data-root"] ?? [],
    retries,
    ownSettings: (settings) =>
      sharedSettings({ ...settings, threads: null, device: args.device ?? settings.device }, workers),
    service: {
      program: trainedWorker,
      settings: {
        device,
        threads,
        modelMemoryBytes: totalmem() / 2 / workers.length,
        cacheFolder: cacheFolderOrNull(environment) ?? tmpdir(),
        gpuWaitMs,
      },
      onDeath: (text) => progress.note(`warning: ${text}`),
    },
    onEvent: showEvents({ ...progress, start: () => ({ advance: () => {}, done: () => {} }) }),
    onFailure: (error) => {
      failure ??= error;
      end.abort();
    },
  });
  progress.note(`waiting for cases and jobs of the queue ${args.queue}`);
  const stopped = AbortSignal.any([signal, end.signal]);
  try {
    if (!args["until-empty"]) await (stopped.aborted ? null : once(stopped, "abort"));
    else
      while (!stopped.aborted && !(await isQueueEmpty(redis, args.queue)))
        await wait(lookMs, undefined, { signal: stopped }).catch(() => {});
  } finally {
    await worker.close(graceSeconds * 1000);
    redis.disconnect();
  }
  if (failure !== null) throw failure;
  return 0;
}
