import type { FastifyReply } from "fastify";

/** Returns a signal that aborts if the client disconnects before it has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  // Not on the connection, which outlives the answer, so that the listener would stay.
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
