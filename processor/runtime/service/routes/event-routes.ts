import type { ServerResponse } from "node:http";
import type { FastifyInstance } from "fastify";
import { about, matching, orAbsent, record, text } from "../../../contract/json-check.js";
import { serviceError } from "../errors.js";
import type { NumberedEvent } from "../jobs/event-log.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const ofJob = record({ id: matching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "the id of a job") });
const commentEveryMs = 15_000;
/** A listener with more unread bytes than this is disconnected, and can come back with Last-Event-ID. */
const mostWaitingBytes = 1 << 20;
/** Half of the connections, so that those who listen leave room for those who ask. */
const mostListeners = 1000;

/** The events of a job as they happen (server-sent events). */
export function addEventRoutes(app: FastifyInstance, { jobs }: ServiceContext): void {
  let listeners = 0;
  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/jobs/:id/events",
    // The answer does not end while the job runs.
    exposeHeadRoute: false,
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Follows a job: the events state, progress, log, result and end, as server-sent events",
      tags: ["jobs"],
      params: ofJob,
      headers: record({
        "last-event-id": orAbsent(about("The number of the last event that arrived.", text)),
      }),
      answers: { 200: "text/event-stream" },
    }),
    async handler(request, reply) {
      const log = jobs.logOf(request.params.id);
      const last = Number(/^\d{1,10}$/.exec(String(request.headers["last-event-id"] ?? ""))?.[0] ?? 0);
      if (listeners >= mostListeners)
        throw serviceError("QUEUE_FULL", `${mostListeners} clients listen to jobs, which is the most`);
      const { raw } = reply;
      reply.hijack();
      // If the client has already disconnected, no further `close` event would remove the listener.
      if (raw.destroyed) return;
      listeners++;
      raw.writeHead(200, {
        ...(reply.getHeaders() as Record<string, string>),
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // Nginx would otherwise collect the events.
        "x-accel-buffering": "no",
      });
      const stop = log.listen((event) => send(event));
      const comments = setInterval(() => write(raw, ": the job goes on\n\n"), commentEveryMs);
      raw.once("close", () => {
        listeners--;
        clearInterval(comments);
        stop();
      });
      const send = ({ number, event }: NumberedEvent): void => {
        write(raw, `id: ${number}\nevent: ${event.kind}\ndata: ${JSON.stringify(event.data)}\n\n`);
        if (event.kind === "end") raw.end();
      };
      for (const event of log.after(last)) {
        if (event === null) write(raw, "event: gap\ndata: {}\n\n");
        else send(event);
      }
    },
  });
}

function write(response: ServerResponse, text: string): void {
  if (response.writableEnded || response.destroyed) return;
  response.write(text);
  if (response.writableLength > mostWaitingBytes) response.destroy();
}
