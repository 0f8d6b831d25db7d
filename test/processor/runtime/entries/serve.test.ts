import { EventEmitter, once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { serve } from "../../../../processor/runtime/entries/grand-challenge/serve.js";

interface Service {
  readonly port: number;
  readonly failures: readonly unknown[];
  /** Lets the case that is running end. */
  /** Resolves when the next case runs. */
  readonly caseRuns: () => Promise<unknown>;
  readonly finishCase: () => void;
  /** Ends the service; rejects if it ended in another way. */
  readonly stop: () => Promise<void>;
}

/** Serves an algorithm whose cases last until they are told to end. */
async function startService(): Promise<Service> {
  const stopping = new AbortController();
  const failures: unknown[] = [];
  const notes = new EventEmitter();
  const ready = once(notes, "ready");
  let finishCase = () => {};
  let port = 0;
  const ended = serve({
    port: 0,
    open: async () => ({
      run: (signal) =>
        new Promise((resolve, reject) => {
          finishCase = resolve;
          notes.emit("case");
          signal.addEventListener("abort", () => reject(signal.reason), { once: true });
        }),
      close: async () => {},
    }),
    note(line) {
      port = Number(/^listening on port (\d+)/.exec(line)?.[1] ?? port);
      notes.emit(line);
    },
    onFailure: (error) => failures.push(error),
    signal: stopping.signal,
  });
  ended.catch((error: unknown) => notes.emit("error", error));
  const stop = async () => {
    stopping.abort(new Error("the test is over"));
    await ended;
  };
  onTestFinished(stop);
  await ready;
  return { port, failures, caseRuns: () => once(notes, "case"), finishCase: () => finishCase(), stop };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "localhost");
  await once(socket, "connect");
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Sends bytes as they are and returns all that comes back until the connection ends. */
async function answerTo(port: number, request: string): Promise<string> {
  const socket = await open(port);
  socket.write(request);
  return text(socket);
}

/** Waits for the end of a connection, by an error or without. */
const untilClosed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.on("error", () => {}).once("close", resolve));

const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1]);

const isHealthy = async (port: number): Promise<boolean> =>
  (await fetch(`http://localhost:${port}/health`)).status === 200;

test.each([
  ["//", 404],
  ["//[", 404],
  ["//:99999", 404],
  ["/%", 404],
  ["/\\", 404],
  ["/health?//[", 200],
  ["/health#//[", 200],
  ["http://x/health", 200],
  ["http://x:99999/health", 400],
  ["http://[/health", 400],
  ["http:", 400],
  ["*", 400],
  ["health", 400],
  ["?", 400],
  ["\u00ff\u00fe", 400],
])("answers the address %j with %i, and a running case goes on", async (address, status) => {
  const { port, failures, caseRuns, finishCase } = await startService();
  const started = caseRuns();
  const running = fetch(`http://localhost:${port}/invoke`, { method: "POST" });
  await started;
  expect((await fetch(`http://localhost:${port}/invoke`, { method: "POST" })).status).toBe(409);
  for (const method of ["GET", "POST"]) {
    const answer = await answerTo(
      port,
      `${method} ${address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    );
    // Node's own parser may refuse an address first.
    if (method === "GET" && answer !== "") expect(statusOf(answer)).toBe(status);
  }
  expect(await isHealthy(port)).toBe(true);
  finishCase();
  expect((await running).status).toBe(201);
  expect(failures).toEqual([]);
});

test("closes the connection of a request for another protocol after its answer", async () => {
  const { port } = await startService();
  const answer = await answerTo(
    port,
    "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
  );
  expect(statusOf(answer)).toBe(200);
  expect(answer).toMatch(/^connection: close/im);
});

test("refuses a body that is announced as too long, without running a case", async () => {
  const { port, failures } = await startService();
  const answer = await answerTo(port, "POST /invoke HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n");
  expect(statusOf(answer)).toBe(413);
  expect(failures).toEqual([]);
  expect(await isHealthy(port)).toBe(true);
});

test("refuses a body without end, and ends its connection", async () => {
  const { port } = await startService();
  const socket = await open(port);
  const answer = text(socket);
  socket.write("POST /invoke HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
  const chunk = `10000\r\n${"x".repeat(0x10000)}\r\n`;
  for (let i = 0; i < 20; i++) socket.write(chunk);
  expect(statusOf(await answer)).toBe(413);
  await expect.poll(() => isHealthy(port)).toBe(true);
});

test("accepts no more connections than its limit, and serves again when they are closed", async () => {
  const { port } = await startService();
  const idle = await Promise.all(Array.from({ length: 1000 }, () => open(port)));
  const surplus = await open(port);
  await untilClosed(surplus);
  for (const socket of idle) socket.destroy();
  await expect.poll(() => isHealthy(port).catch(() => false)).toBe(true);
});
