import type { FastifyRequest } from "fastify";

/** Aborts when the client of a request is gone. */
export function goneSignal(request: FastifyRequest): AbortSignal {
  const gone = new AbortController();
  request.raw.socket.once("close", () => gone.abort());
  return gone.signal;
}
