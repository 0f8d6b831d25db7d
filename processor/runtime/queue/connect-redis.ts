import { setTimeout as wait } from "node:timers/promises";
import { Redis } from "ioredis";
import { batchError } from "../batch/errors.js";
import { endingConnection } from "./ending-connection.js";

/** A connection to Redis, and what its user should know about its settings. */
export interface RedisConnection {
  readonly redis: Redis;
  readonly warnings: readonly string[];
}

/** The time that a server has to answer at the start. */
const answerMs = 5000;

/**
 * Connects to the Redis that holds a queue, and checks that it keeps jobs. The address may have a password, which no message
 * shows. After the start, a lost connection is made again for as long as it takes.
 *
 * @throws QUEUE_UNREACHABLE, QUEUE_UNFIT
 */
export async function connectRedis(address: string): Promise<RedisConnection> {
  const shown = shownAddress(address);
  const redis = endingConnection(
    new Redis(address, {
      // BullMQ waits for jobs with commands that block.
      maxRetriesPerRequest: null,
      connectTimeout: answerMs,
      retryStrategy: (times) => Math.min(times * 200, 2000),
    }),
  );
  let lastError: Error | null = null;
  redis.on("error", (error: Error) => {
    lastError = error;
  });
  try {
    const info = await Promise.race([redis.info(), wait(answerMs, null, { ref: false })]);
    if (info === null)
      throw batchError("QUEUE_UNREACHABLE", `${shown} does not answer${reasonOf(lastError)}`);
    return { redis, warnings: checkInfo(info, shown) };
  } catch (error) {
    redis.disconnect();
    if (error instanceof Error && "code" in error && error.code === "QUEUE_UNFIT") throw error;
    if (error instanceof Error && "code" in error && error.code === "QUEUE_UNREACHABLE") throw error;
    throw batchError("QUEUE_UNREACHABLE", `${shown}: ${(error as Error).message}`, { cause: error });
  }
}

const reasonOf = (error: Error | null): string =>
  error === null
    ? ` within ${answerMs / 1000} s`
    : ` (${error.message || (error as NodeJS.ErrnoException).code})`;

/**
 * Returns an address without its user and password.
 *
 * @throws QUEUE_UNREACHABLE for a text that is not an address of Redis
 */
function shownAddress(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : null;
  if (url === null || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "")
    throw batchError(
      "QUEUE_UNREACHABLE",
      "the address of Redis should be redis://HOST[:PORT] or rediss://HOST[:PORT]",
    );
  return `${url.protocol}//${url.host}${url.pathname}`;
}

/** @throws QUEUE_UNFIT if Redis deletes jobs when its memory is full */
function checkInfo(info: string, shown: string): readonly string[] {
  const infoOf = (name: string) => new RegExp(`^${name}:(.*)$`, "m").exec(info)?.[1]?.trim() ?? null;
  const policy = infoOf("maxmemory_policy");
  if (policy !== null && policy !== "noeviction")
    throw batchError("QUEUE_UNFIT", `${shown} has the maxmemory-policy ${policy}`);
  if (infoOf("aof_enabled") !== "0") return [];
  return [
    `${shown} keeps no append-only file (appendonly no): a crash of Redis loses the jobs of the last minutes; submit the batch again then`,
  ];
}
