import { tmpdir } from "node:os";
import type { InferredOptionTypes } from "yargs";
import { cacheFolderOrNull } from "../../../../processor/contract/cache-folder.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import { sharedError } from "../../../../processor/contract/shared-errors.js";
import { redisAddress } from "../../../../processor/runtime/queue/redis-address.js";
import { runWorker } from "../../../../processor/runtime/queue/run-worker.js";
import { trainedWorker } from "../../../predict/service/serve-models.js";
import type { CommandSession } from "../../command-session.js";
import type { batchWorkerOptions } from "../../options/scheduler-options.js";

type WorkerArguments = InferredOptionTypes<typeof batchWorkerOptions>;

/**
 * `build_processor batch worker`: computes the cases of batches and the jobs of services that are in a queue.
 *
 * @returns 0 when it is stopped, or when the queue is empty and --until-empty was given
 */
export async function runBatchWorker(args: WorkerArguments, session: CommandSession): Promise<number> {
  const { progress, environment, signal } = session;
  const { gpus, jobs, retries, grace, threads } = args;
  if (threads !== undefined && (!Number.isInteger(threads) || threads < 1))
    throw sharedError("USAGE", `--threads must be a whole number, 1 or more, but is ${threads}`);
  await runWorker(
    {
      redis: redisAddress(args.redis, environment),
      queue: args.queue,
      dataRoots: args["data-root"] ?? [],
      untilEmpty: args["until-empty"],
      device: args.device ?? null,
      threads: threads ?? null,
      words: { gpus, jobs, retries, grace },
    },
    {
      program: trainedWorker,
      ownModel: null,
      cacheFolder: cacheFolderOrNull(environment) ?? tmpdir(),
      note: progress.note,
      onEvent: showEvents({ ...progress, start: () => ({ advance: () => {}, done: () => {} }) }),
      signal,
    },
  );
  return 0;
}
