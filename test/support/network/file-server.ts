import { once } from "node:events";
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as wait } from "node:timers/promises";

/** Answers one request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface SeenRequest {
  readonly path: string;
  readonly range: string | null;
  readonly ifRange: string | null;
  readonly ifNoneMatch: string | null;
}

/** A real HTTP server on this machine. The test specifies the answer to each request, faults included. */
export class FileServer {
  readonly requests: SeenRequest[] = [];
  mostAtOnce = 0;
  readonly #answers = new Map<string, Answer[]>();
  readonly #server: Server;
  readonly #protocol: string;
  readonly #sockets = new Set<Socket>();
  #atOnce = 0;

  private constructor(tls: { readonly key: string; readonly cert: string } | null) {
    const listener: RequestListener = (request, response) => void this.#answer(request, response);
    this.#server = tls === null ? createServer(listener) : createSecureServer({ ...tls }, listener);
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#protocol = tls === null ? "http:" : "https:";
  }

  static async start(
    tls: { readonly key: string; readonly cert: string } | null = null,
  ): Promise<FileServer> {
    const server = new FileServer(tls);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(path: string): URL {
    return new URL(path, `${this.#protocol}//127.0.0.1:${this.port}`);
  }

  /** Sets the answers to the first, second, … request for a path; the last one is repeated. */
  on(path: string, ...answers: readonly Answer[]): void {
    this.#answers.set(path, [...answers]);
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://x").pathname;
    this.requests.push({
      path,
      range: request.headers.range ?? null,
      ifRange: headerText(request.headers["if-range"]),
      ifNoneMatch: request.headers["if-none-match"] ?? null,
    });
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce);
    response.once("close", () => {
      this.#atOnce--;
    });
    const answers = this.#answers.get(path) ?? [status(404)];
    const answer = answers.length > 1 ? answers.shift()! : answers[0]!;
    await answer(request, response);
  }
}

export interface FileAnswerOptions {
  readonly etag?: string | null;
  readonly ignoresRange?: boolean;
  /** True to send the range that was asked for without comparing If-Range. */
  readonly ignoresIfRange?: boolean;
  /** Cuts the connection after this many bytes of the answer. */
  readonly dropAfter?: number;
  /** Stops sending after this many bytes and keeps the connection open. */
  readonly stallAfter?: number;
  /** The Content-Length, if it is not that of the bytes. */
  readonly announcedLength?: number;
  readonly chunked?: boolean;
  readonly msPerChunk?: number;
}

const chunkBytes = 64 * 1024;

/** Serves bytes as a correct server does, except for the given faults. */
export function file(bytes: Buffer, options: FileAnswerOptions = {}): Answer {
  return async (request, response) => {
    const etag = options.etag === undefined ? '"v1"' : options.etag;
    if (etag !== null && request.headers["if-none-match"] === etag) {
      response.writeHead(304).end();
      return;
    }
    const start = options.ignoresRange ? 0 : rangeStart(request, etag, options);
    if (start >= bytes.length && start > 0) {
      response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
      return;
    }
    const body = bytes.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, {
      "content-type": "application/zip",
      ...(options.chunked ? {} : { "content-length": options.announcedLength ?? body.length }),
      ...(start > 0 ? { "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
      ...(etag === null ? {} : { etag }),
    });
    await send(response, body, options);
  };
}

/** Answers without a file. */
export function status(code: number, headers: Readonly<Record<string, string>> = {}, body = ""): Answer {
  return (_request, response) => void response.writeHead(code, headers).end(body);
}

/** Accepts the request and never answers. */
export const silence: Answer = () => {};

export const json = (value: unknown): Answer =>
  status(200, { "content-type": "application/json" }, JSON.stringify(value));

async function send(response: ServerResponse, body: Buffer, options: FileAnswerOptions): Promise<void> {
  const end = Math.min(body.length, options.dropAfter ?? body.length, options.stallAfter ?? body.length);
  const closed = once(response, "close");
  const isWhole = options.stallAfter === undefined && options.dropAfter === undefined;
  for (let offset = 0; offset < end; offset += chunkBytes) {
    if (response.destroyed) return;
    const chunk = body.subarray(offset, Math.min(end, offset + chunkBytes));
    if (isWhole && offset + chunkBytes >= end) {
      // The last byte ends the answer: a client that has it may send the next request.
      response.end(chunk);
      return;
    }
    if (!response.write(chunk)) {
      await new Promise((resolve) => {
        response.once("drain", resolve);
        void closed.then(resolve);
      });
    }
    if (options.msPerChunk !== undefined) await wait(options.msPerChunk);
  }
  if (options.stallAfter !== undefined) return;
  if (options.dropAfter !== undefined) {
    // The bytes must be sent before the connection is cut.
    await new Promise<void>((resolve) => response.write("", () => resolve()));
    response.socket?.destroySoon();
    return;
  }
  response.end();
}

function rangeStart(request: IncomingMessage, etag: string | null, options: FileAnswerOptions): number {
  const start = /^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1];
  if (start === undefined) return 0;
  const ifRange = headerText(request.headers["if-range"]);
  if (ifRange !== null && ifRange !== etag && !options.ignoresIfRange) return 0;
  return Number(start);
}

function headerText(header: string | readonly string[] | undefined): string | null {
  return header === undefined ? null : String(header);
}
