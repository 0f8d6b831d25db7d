import type { FastifyReply } from "fastify";

/** Aborts when the client of a request is gone before it has its answer. */
export function goneSignal({ raw }: FastifyReply): AbortSignal {
  const gone = new AbortController();
  // The connection itself outlives the answer, so a listener there would stay.
  raw.once("close", () => {
    if (!raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
