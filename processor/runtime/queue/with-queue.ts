import type { OpenEngine } from "../service/engine/job-engine.js";
import type { ServeSettings } from "../service/start/serve-settings.js";
import { connectRedis } from "./connect-redis.js";
import { QueueEngine } from "./queue-engine.js";

/**
 * Calls `use` with the engine that gives the jobs of a service to a queue; with null if the settings name no Redis.
 *
 * @throws QUEUE_UNREACHABLE, QUEUE_UNFIT
 */
export async function withQueue(
  { redis: address, queue: queueName }: Pick<ServeSettings, "redis" | "queue">,
  note: (line: string) => void,
  use: (openEngine: OpenEngine | null) => Promise<void>,
): Promise<void> {
  if (address === null) return use(null);
  const { redis, warnings } = await connectRedis(address);
  for (const warning of warnings) note(`warning: ${warning}`);
  try {
    await use(async (listener) => new QueueEngine({ redis, queueName, listener }));
  } finally {
    redis.disconnect();
  }
}
