import type { FastifyReply, FastifyRequest } from "fastify";

/** The headers that requests of other origins may have; the browser blocks requests with others. */
const allowedHeaders =
  "authorization, content-type, content-range, idempotency-key, last-event-id, prefer, x-csrf-token";
const allowedMethods = "GET, HEAD, POST, PUT, PATCH, DELETE";
const readableHeaders = "location, etag, content-disposition, retry-after, x-request-id";
const rememberedSeconds = 600;

/**
 * Lets a web page of an allowed origin read the answer. Cookies of another site never come along, so such a page needs a
 * token.
 *
 * @returns true for a browser's question before a request (`OPTIONS`), whose answer is then complete
 */
export function allowOrigin(
  request: FastifyRequest,
  reply: FastifyReply,
  origins: readonly string[],
): boolean {
  const { origin } = request.headers;
  if (origin === undefined || !origins.includes(origin)) return false;
  void reply
    .header("access-control-allow-origin", origin)
    .header("vary", "origin")
    .header("access-control-expose-headers", readableHeaders)
    .header("cross-origin-resource-policy", "cross-origin");
  if (request.method !== "OPTIONS" || request.headers["access-control-request-method"] === undefined)
    return false;
  void reply
    .header("access-control-allow-methods", allowedMethods)
    .header("access-control-allow-headers", allowedHeaders)
    .header("access-control-max-age", rememberedSeconds);
  return true;
}
