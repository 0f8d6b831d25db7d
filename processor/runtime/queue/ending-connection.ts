import type { Redis } from "ioredis";

/**
 * Makes a connection end when it is told to, with those that BullMQ makes from it. ioredis itself never reports the end of a
 * connection that is between two attempts to connect.
 */
export function endingConnection(redis: Redis): Redis {
  const disconnect = redis.disconnect.bind(redis);
  const duplicate = redis.duplicate.bind(redis);
  const others = new Set<Redis>();
  redis.disconnect = (reconnect = false) => {
    if (!reconnect) for (const other of others) other.disconnect();
    // An attempt that is given up reports the end, and fails what waits for the connection.
    if (!reconnect && redis.status === "reconnecting") redis.connect().catch(() => {});
    disconnect(reconnect);
  };
  redis.duplicate = ((options) => {
    const other = endingConnection(duplicate(options) as Redis);
    others.add(other);
    other.once("end", () => others.delete(other));
    return other;
  }) as Redis["duplicate"];
  return redis;
}
