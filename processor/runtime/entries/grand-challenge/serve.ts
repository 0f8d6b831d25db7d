import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ProcessorError } from "../../../contract/errors.js";
import { sharedError } from "../../../contract/shared-errors.js";
import { runtimeError } from "../../errors.js";
import type { Algorithm } from "./open-algorithm.js";

export interface ServeOptions {
  /** The port to listen on; 0 for any free port. */
  readonly port: number;
  /** Loads the algorithm. It is called when the server listens. */
  readonly open: () => Promise<Algorithm>;
  readonly note: (line: string) => void;
  /** Called for each case that failed. */
  readonly onFailure: (error: unknown) => void;
  /** Ends the service. */
  readonly signal: AbortSignal;
}

/** The longest body of a request. A platform sends no body or a short one. */
const maxBodyBytes = 1 << 20;

/**
 * The limits for clients, because the port may be open to anybody. The times are for sending a request; a case may take
 * as long as it needs.
 */
const limits = { headersTimeout: 20_000, requestTimeout: 60_000, connectionsCheckingInterval: 5000 } as const;
const maxConnections = 1000;

/**
 * Serves cases over HTTP until the signal. `GET /health` returns 503 until the model is loaded, then 200. `POST
 * /invoke` segments the case in the input folder and returns 201, or 500 with the reason. A stop between cases ends the
 * service normally.
 *
 * @throws the errors of `open`; the signal's reason if a case was running; PORT_TAKEN
 */
export async function serve(options: ServeOptions): Promise<void> {
  const { port, note, signal } = options;
  let algorithm: Algorithm | null = null;
  /** The case that is running; null between cases. */
  let running: Promise<void> | null = null;

  const server = createServer(limits, (request, response) => {
    try {
      take(request, response);
    } catch (error) {
      // An exception in a listener would end the process, and the running case with it.
      options.onFailure(error);
      answer(response, 500, "BUG");
    }
  });

  function take(request: IncomingMessage, response: ServerResponse): void {
    // Upgrades are not supported, so the connection closes after the response.
    if (request.headers.upgrade !== undefined) response.setHeader("connection", "close");
    if (Number(request.headers["content-length"] ?? 0) > maxBodyBytes) {
      refuseBody(request, response);
      return;
    }
    dropBody(request);
    const path = pathOf(request.url ?? "/");
    const isHealth = path === "/health" && (request.method === "GET" || request.method === "HEAD");
    const isInvoke = path === "/invoke" && request.method === "POST";
    if (path === null) answer(response, 400, "the address of the request is invalid");
    else if (!isHealth && !isInvoke) {
      const isKnown = path === "/health" || path === "/invoke";
      answer(response, isKnown ? 405 : 404, "this server has only GET /health and POST /invoke");
    } else if (algorithm === null) answer(response, 503, "the model is being loaded");
    else if (isHealth) answer(response, 200, "ready");
    // Two cases would read and write the same folders.
    else if (running !== null) answer(response, 409, "a case is running");
    else
      running = runCase(algorithm, response).finally(() => {
        running = null;
      });
  }

  async function runCase(loaded: Algorithm, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => {
      if (!response.writableFinished)
        gone.abort(sharedError("INTERRUPTED", "the client that requested the case has disconnected"));
    });
    try {
      await loaded.run(AbortSignal.any([signal, gone.signal]));
      answer(response, 201, "done");
    } catch (error) {
      if (!signal.aborted) options.onFailure(error);
      answer(response, 500, error instanceof ProcessorError ? `${error.code}: ${error.message}` : "BUG");
    }
  }

  server.maxConnections = maxConnections;
  server.on("clientError", (_error, socket) => socket.destroy());
  await listen(server, port);
  // The server survives a connection that the system refuses, for example because too many files are open.
  server.on("error", (error) => note(`a connection could not be accepted: ${error.message}`));
  note(`listening on port ${(server.address() as AddressInfo).port}`);
  try {
    algorithm = await options.open();
    signal.throwIfAborted();
    note("ready");
    await once(signal, "abort");
    // The networks must be idle when they are freed. The signal has told the case to end.
    const wasRunning = running !== null;
    await running;
    if (wasRunning) throw signal.reason;
  } finally {
    server.close();
    server.closeAllConnections();
    await algorithm?.close();
  }
}

async function listen(server: Server, port: number): Promise<void> {
  try {
    server.listen(port);
    await once(server, "listening");
  } catch (cause) {
    throw runtimeError(
      "PORT_TAKEN",
      `port ${port} cannot be listened on (${(cause as NodeJS.ErrnoException).code})`,
      { cause },
    );
  }
}

/**
 * Returns the path of a request's address (`/health?x`, `http://host/health`), which may come from anybody; null if it
 * is invalid.
 */
function pathOf(address: string): string | null {
  if (address.startsWith("/")) return /^[^?#]*/.exec(address)![0];
  return URL.canParse(address) ? new URL(address).pathname : null;
}

/** Reads a request's body to its end, because the connection may be used again, unless the body is too long. */
function dropBody(request: IncomingMessage): void {
  let length = 0;
  request.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBodyBytes) request.destroy();
  });
}

function refuseBody(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader("connection", "close");
  answer(response, 413, `the body of a request may have at most ${maxBodyBytes} bytes`);
  response.once("finish", () => request.destroy());
}

function answer(response: ServerResponse, status: number, text: string): void {
  if (response.destroyed) return;
  const body = Buffer.from(`${text}\n`);
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "content-length": body.length });
  response.end(body);
}
