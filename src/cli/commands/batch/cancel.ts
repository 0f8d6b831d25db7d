import { join, resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { matching, record } from "../../../../processor/contract/json-check.js";
import { parseOrNull } from "../../../../processor/contract/parse-checked.js";
import { readTextFile } from "../../../../processor/files/read-text-file.js";
import { readBatchFile } from "../../../../processor/runtime/batch/batch-file.js";
import { batchFolder } from "../../../../processor/runtime/batch/batch-folder.js";
import { writeCancelMark } from "../../../../processor/runtime/batch/cancel-mark.js";
import { cancelJobs } from "../../../batch/submit-array.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchCancelOptions } from "../../options/scheduler-options.js";

type CancelArguments = InferredOptionTypes<typeof batchCancelOptions>;

/** `build_processor batch cancel`: asks all processes of a batch to stop. */
export async function runBatchCancel(args: CancelArguments, session: CommandSession): Promise<number> {
  const folder = batchFolder(resolve(session.currentDirectory, args.output));
  await readBatchFile(folder);
  await writeCancelMark(folder);
  await cancelArray(folder.root, session.signal);
  const withdrawn = args.redis === undefined ? 0 : await withdraw(args.redis, folder.root, args.queue);
  const fromQueue = args.redis === undefined ? "" : `; ${counted(withdrawn, "case")} taken out of the queue`;
  session.terminal.out(
    args.json
      ? jsonText({ cancelled: true, withdrawn })
      : `cancelled; running processes stop within seconds, and the next run goes on${fromQueue}\n`,
  );
  return 0;
}

/** Cancels the array of Slurm, if the batch has one. */
async function cancelArray(root: string, signal: AbortSignal): Promise<void> {
  const text = await readTextFile(join(root, "slurm", "jobs.json"), 10_000).catch(() => null);
  const ids = text === null ? null : parseOrNull(text, record({ array: id, summary: id }));
  if (ids !== null) await cancelJobs([ids.array, ids.summary], signal);
}

const id = matching(/^\d+$/, "a number");

async function withdraw(address: string, root: string, queueName: string): Promise<number> {
  const { connectRedis } = await import("../../../../processor/runtime/queue/connect-redis.js");
  const { withdrawBatch } = await import("../../../../processor/runtime/queue/submit-batch.js");
  const { redis } = await connectRedis(address);
  try {
    return await withdrawBatch(root, redis, queueName);
  } finally {
    redis.disconnect();
  }
}
