import { connectRedis } from "../../../processor/runtime/queue/connect-redis.js";
import { QueueEngine } from "../../../processor/runtime/queue/queue-engine.js";
import { type FlagValues, serveSettings } from "../../../processor/runtime/service/start/serve-settings.js";
import { serveModels } from "../../predict/service/serve-models.js";
import type { CommandSession } from "../command-session.js";

/** `build_processor serve`: serves models over HTTP until it is interrupted. */
export async function runServe(args: FlagValues, session: CommandSession): Promise<number> {
  const settings = serveSettings(args, session.environment);
  const writeLog = (line: string): void => session.terminal.out(`${line}\n`);
  const options = { settings, isInImage: false, writeLog };
  if (settings.redis === null) {
    await serveModels({ ...options, openEngine: null }, session);
    return 0;
  }
  const { redis, warnings } = await connectRedis(settings.redis);
  for (const warning of warnings) session.progress.note(`warning: ${warning}`);
  try {
    await serveModels(
      {
        ...options,
        openEngine: async (listener) => new QueueEngine({ redis, queueName: settings.queue, listener }),
      },
      session,
    );
  } finally {
    redis.disconnect();
  }
  return 0;
}
