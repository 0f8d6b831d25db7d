import type { InferredOptionTypes } from "yargs";
import { counted } from "../../../../processor/contract/counted.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import {
  flagNames,
  predictDefaults,
  settingChoices,
} from "../../../../processor/contract/setting-choices.js";
import { removeCancelMark } from "../../../../processor/runtime/batch/cancel-mark.js";
import { runChoices } from "../../../../processor/runtime/batch/run-choices.js";
import { connectRedis } from "../../../../processor/runtime/queue/connect-redis.js";
import { redisAddress } from "../../../../processor/runtime/queue/redis-address.js";
import { submitBatch } from "../../../../processor/runtime/queue/submit-batch.js";
import type { CommandSession } from "../../command-session.js";
import { jsonText } from "../../json-text.js";
import type { batchSubmitOptions } from "../../options/scheduler-options.js";
import { withBatch } from "./begin-batch.js";

type SubmitArguments = InferredOptionTypes<typeof batchSubmitOptions>;

/** `build_processor batch queue submit`: puts the cases that are not done into a queue. */
export async function runQueueSubmit(args: SubmitArguments, session: CommandSession): Promise<number> {
  const { terminal, progress, environment, signal } = session;
  const { retries } = runChoices({ retries: args.retries }, {});
  const { redis, warnings } = await connectRedis(redisAddress(args.redis, environment));
  try {
    for (const warning of warnings) progress.note(`warning: ${warning}`);
    const settings = settingChoices(args, "predict", flagNames).applyTo(predictDefaults());
    const report = await withBatch(
      args,
      { settings, onEvent: showEvents(progress), session },
      async (batch) => {
        await removeCancelMark(batch.folder);
        return submitBatch(batch, { redis, queueName: args.queue, attempts: 1 + retries, signal });
      },
    );
    const { submitted, alreadyThere, done } = report;
    const others = [
      ...(alreadyThere > 0 ? [`${alreadyThere} in the queue already`] : []),
      ...(done > 0 ? [`${done} done`] : []),
    ];
    terminal.out(
      args.json ? jsonText(report) : `${[`${counted(submitted, "case")} submitted`, ...others].join(", ")}\n`,
    );
    return 0;
  } finally {
    redis.disconnect();
  }
}
