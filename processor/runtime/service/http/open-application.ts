import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { type ErrorAnswer, errorAnswer } from "../error-body.js";
import { serviceError } from "../errors.js";
import { securityHeaders } from "../security-headers.js";
import { RouteMethods } from "./route-methods.js";

export interface ApplicationOptions {
  /** The longest body of a request, unless its route takes longer ones. */
  readonly maxBodyBytes: number;
  /** The most connections at one time. */
  readonly maxConnections: number;
  /** The number of proxies whose `X-Forwarded-For` counts. */
  readonly trustedProxies: number;
  readonly newRequestId: () => string;
  /** The longest that a client may send nothing in the middle of a request; absent for half a minute. */
  readonly silenceMs?: number;
  /** Receives an error that is a fault of this program. */
  readonly onTrouble: (error: unknown) => void;
  /** Sends the answer for an error, whose status and headers are set. */
  readonly sendError: (reply: FastifyReply, answer: ErrorAnswer, request: FastifyRequest) => FastifyReply;
}

const headersMs = 30_000;
const maxHeaderBytes = 16_384;

/**
 * Opens the application that answers every HTTP request of this program, with its limits for clients: the port may be open to
 * anybody. It has no routes yet.
 */
export function openApplication(options: ApplicationOptions): FastifyInstance {
  const fail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const answer = errorAnswer(error);
    if (answer.isBug) options.onTrouble(error);
    for (const [name, value] of securityHeaders) void reply.header(name, value);
    for (const [name, value] of Object.entries(answer.headers)) void reply.header(name, value);
    // The rest of a body that was refused is not read.
    if (answer.status === 413) void reply.header("connection", "close");
    return options.sendError(reply.code(answer.status), answer, request);
  };
  const app = Fastify({
    bodyLimit: options.maxBodyBytes,
    trustProxy: (_address, hop) => hop < options.trustedProxies,
    logger: false,
    // A request may take as long as its upload, but a client that sends nothing is disconnected.
    connectionTimeout: 0,
    requestTimeout: 0,
    http: { headersTimeout: headersMs, maxHeaderSize: maxHeaderBytes, connectionsCheckingInterval: 5000 },
    routerOptions: { maxParamLength: 1000 },
    forceCloseConnections: true,
    genReqId: options.newRequestId,
    rewriteUrl: ({ url = "/" }) => pathOf(url) ?? "/",
    frameworkErrors: (_, request, reply) =>
      void fail(routeUnknown(request.method, request.raw.url), request, reply),
    clientErrorHandler: (error, socket) => refuseUnreadable(error, socket as Socket),
  });
  app.server.maxConnections = options.maxConnections;
  disconnectSilent(app.server, options.silenceMs ?? usualSilenceMs);
  const methods = new RouteMethods();
  app.addHook("onRoute", ({ url, method }) => methods.add(url, [method].flat()));
  app.addHook("onRequest", async (request, reply) => {
    for (const [name, value] of securityHeaders) void reply.header(name, value);
    // Upgrades are not supported, so the connection closes after the answer.
    if (request.headers.upgrade !== undefined) void reply.header("connection", "close");
    if (pathOf(request.originalUrl) === null)
      throw serviceError("ADDRESS_INVALID", "the address of the request is invalid");
  });
  // What is left of a body that was refused would otherwise keep the connection's next request from being read.
  app.addHook("onResponse", async ({ raw }) => {
    if (raw.readableEnded || raw.destroyed) return;
    raw.unpipe();
    raw.resume();
  });
  app.setErrorHandler((error, request, reply) => fail(error, request, reply));
  const refuseUnknown = (request: FastifyRequest, reply: FastifyReply): never => {
    const path = request.url.split("?")[0]!;
    const allowed = methods.of(path);
    if (allowed.length === 0) throw routeUnknown(request.method, path);
    void reply.header("allow", allowed.join(", "));
    throw serviceError("METHOD_NOT_ALLOWED", `${path.slice(0, 200)} has no method ${request.method}`);
  };
  // Before a body is looked at.
  app.addHook("preParsing", async (request, reply) => {
    if (request.is404) refuseUnknown(request, reply);
  });
  app.setNotFoundHandler(refuseUnknown);
  return app;
}

const routeUnknown = (method: string, path = "") =>
  serviceError("ROUTE_UNKNOWN", `there is no route ${method} ${path.slice(0, 200)}`);

/**
 * Returns the path and query of a request's address (`/health?x`, `http://host/health`), which may come from anybody; null if
 * it is invalid.
 */
function pathOf(address: string): string | null {
  if (address.startsWith("/")) return address.split("#", 1)[0]!;
  if (!URL.canParse(address) || !/^https?:/i.test(address)) return null;
  const { pathname, search } = new URL(address);
  return `${pathname}${search}`;
}

/** Answers bytes that are not HTTP. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const [status, text] = unreadable[error.code ?? ""] ?? [
    "400 Bad Request",
    "This is not a valid HTTP/1.1 request, or its length is ambiguous.",
  ];
  const body = `${text}\n`;
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

const unreadable: Readonly<Record<string, readonly [status: string, text: string]>> = {
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    `The address and the headers have more than ${maxHeaderBytes} bytes.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [
    "408 Request Timeout",
    `The headers did not arrive in ${headersMs / 1000} seconds.`,
  ],
};

const usualSilenceMs = 30_000;

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Ends the connection of a client that sends nothing in the middle of a request. The answer may take as long as it needs, also
 * to a request whose body nobody reads, such as an empty one, and which therefore never emits `end`.
 */
function disconnectSilent(server: Server, silenceMs: number): void {
  const last = new WeakMap<Socket, Exchange>();
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    last.set(socket, { request, response });
    socket.setTimeout(silenceMs);
    request.once("close", () => socket.setTimeout(0));
    request.once("end", () => socket.setTimeout(0));
  });
  // Without this listener, Node would end every connection whose timeout has passed.
  server.on("timeout", (socket) => {
    const exchange = last.get(socket);
    if (exchange === undefined || !exchange.request.complete || exchange.response.writableFinished)
      socket.destroy();
  });
}
