import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { networkInterfaces } from "node:os";
import type { FastifyInstance, FastifyReply } from "fastify";
import { ProcessorError } from "../../../contract/errors.js";
import { sharedError } from "../../../contract/shared-errors.js";
import { runtimeError } from "../../errors.js";
import { openApplication } from "../../service/http/open-application.js";
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
  /** The answer for the case that is running; null between cases. */
  let running: Promise<void> | null = null;
  let requests = 0;

  const app = openApplication({
    maxBodyBytes,
    maxConnections,
    trustedProxies: 0,
    newRequestId: () => String(++requests),
    onTrouble: options.onFailure,
    sendError: (reply, { body: { code, error } }) =>
      answer(reply, code === "BUG" ? code : `${code}: ${error}`),
  });
  dropBodies(app);
  app.get("/health", (_, reply) => (algorithm === null ? loading(reply) : answer(reply.code(200), "ready")));
  app.post("/invoke", (_, reply) => {
    if (algorithm === null) return loading(reply);
    // Two cases would read and write the same folders.
    if (running !== null) return answer(reply.code(409), "a case is running");
    const answered = runCase(algorithm, reply);
    running = Promise.all([answered, once(reply.raw, "close")]).then(() => {
      running = null;
    });
    return answered;
  });

  async function runCase(loaded: Algorithm, reply: FastifyReply): Promise<FastifyReply> {
    const gone = new AbortController();
    reply.raw.once("close", () => {
      if (!reply.raw.writableFinished)
        gone.abort(sharedError("INTERRUPTED", "the client that requested the case has disconnected"));
    });
    try {
      await loaded.run(AbortSignal.any([signal, gone.signal]));
      return answer(reply.code(201), "done");
    } catch (error) {
      if (!signal.aborted) options.onFailure(error);
      return answer(
        reply.code(500),
        error instanceof ProcessorError ? `${error.code}: ${error.message}` : "BUG",
      );
    }
  }

  await app.listen({ port, host: everyAddress() }).catch((cause: NodeJS.ErrnoException) => {
    throw runtimeError("PORT_TAKEN", `port ${port} cannot be listened on (${cause.code})`, { cause });
  });
  // The server survives a connection that the system refuses, for example because too many files are open.
  app.server.on("error", (error) => note(`a connection could not be accepted: ${error.message}`));
  note(`listening on port ${(app.server.address() as AddressInfo).port}`);
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
    await app.close();
    await algorithm?.close();
  }
}

/** A system without IPv6 cannot listen on `::`, which otherwise takes connections of both kinds. */
function everyAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.some(({ family }) => family === "IPv6") ? "::" : "0.0.0.0";
}

const loading = (reply: FastifyReply): FastifyReply => answer(reply.code(503), "the model is being loaded");

const answer = (reply: FastifyReply, text: string): FastifyReply =>
  reply.type("text/plain; charset=utf-8").send(`${text}\n`);

/** Reads bodies of any type and drops them: a case comes by the input folder. */
function dropBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, _body, done) => done(null, null));
}
