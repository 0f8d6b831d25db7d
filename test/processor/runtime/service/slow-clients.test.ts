import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { EventLog } from "../../../../processor/runtime/service/jobs/event-log.js";
import { emptyResult } from "../../../support/service/test-engine.js";
import { formOf, type TestService, testService } from "../../../support/service/test-service.js";

const silenceMs = 200;

async function listening(): Promise<{ readonly service: TestService; readonly port: number }> {
  const service = await testService({
    limits: {
      maxUploadBytes: 1 << 26,
      maxVoxels: 1e9,
      maxWaitingJobs: 10,
      maxWaitingJobsOfClient: 10,
      maxDownloads: 1,
      requestsPerMinute: null,
      silenceMs,
      readingSilenceMs: silenceMs,
    },
  });
  await service.app.listen({ port: 0, host: "127.0.0.1" });
  return { service, port: (service.app.server.address() as AddressInfo).port };
}

function connected(port: number, text: string): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  socket.write(text);
  return socket;
}

async function startJob(service: TestService): Promise<string> {
  const { payload, headers } = await formOf({ model: "organ" }, { "scan.nii.gz": "v" });
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload,
    headers: { host: "localhost", ...headers },
  });
  return answer.json().id;
}

test.each([
  ["the headers of a form", "content-length: 1000\r\n\r\n"],
  [
    "a part of a form",
    'content-length: 1000\r\n\r\n--x\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\nabc',
  ],
  ["a chunk", "transfer-encoding: chunked\r\n\r\n3\r\n--x\r\n"],
])("a client that falls silent after %s is disconnected, and leaves no job", async (_, rest) => {
  const { service, port } = await listening();
  const socket = connected(
    port,
    `POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n${rest}`,
  );
  socket.resume();
  await once(socket, "close");
  expect(service.engine.jobs).toEqual([]);
  expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
});

test("a client that sends a byte now and then is not silent", async () => {
  const { port } = await listening();
  const body = JSON.stringify({ token: "x" });
  const socket = connected(
    port,
    `POST /v1/session HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  );
  let answer = "";
  socket.setEncoding("utf8").on("data", (part: string) => {
    answer += part;
  });
  for (const letter of body) {
    await wait(silenceMs / 4);
    socket.write(letter);
  }
  await expect.poll(() => answer).toMatch(/^HTTP\/1\.1 401 /);
});

test("a client that asks for a result and does not read it gives its place to the next", async () => {
  const { service, port } = await listening();
  const id = await startJob(service);
  const name = "stage_0/prediction.nii.gz";
  const path = join(service.engine.jobs[0]!.work.outputDir, name);
  mkdirSync(dirname(path), { recursive: true });
  // More than the buffers of both ends of a connection hold.
  writeFileSync(path, Buffer.alloc(48 << 20));
  const file = { name, kind: "label-map", stage: 0, bytes: 48 << 20 };
  service.engine.report({ kind: "done", id, result: { ...emptyResult, files: [file] } });
  const url = `/v1/jobs/${id}/files/${name}`;
  const socket = connected(port, `GET ${url} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  socket.pause();
  await expect
    .poll(async () => {
      const { status, body } = await fetch(`http://127.0.0.1:${port}${url}`);
      await body?.cancel();
      return status;
    })
    .toBe(503);
  await expect
    .poll(async () => (await service.app.inject({ url, headers: { host: "localhost" } })).statusCode, {
      timeout: 20_000,
    })
    .toBe(200);
});

test("clients that ask for a result or for events and are gone at once keep no place", async () => {
  const { service, port } = await listening();
  const id = await startJob(service);
  const name = "stage_0/prediction.nii.gz";
  const path = join(service.engine.jobs[0]!.work.outputDir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "voxels");
  const file = { name, kind: "label-map", stage: 0, bytes: 6 };
  service.engine.report({ kind: "done", id, result: { ...emptyResult, files: [file] } });
  await expect
    .poll(() =>
      service.app
        .inject({ url: `/v1/jobs/${id}`, headers: { host: "localhost" } })
        .then((answer) => answer.json().state),
    )
    .toBe("done");
  for (let i = 0; i < 100; i++)
    for (const url of [`files/${name}`, "archive.zip", "events"]) {
      const socket = connected(port, `GET /v1/jobs/${id}/${url} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
      socket.once("connect", () => setImmediate(() => socket.resetAndDestroy()));
      await once(socket, "close");
    }
  await expect
    .poll(async () => (await fetch(`http://127.0.0.1:${port}/v1/jobs/${id}/files/${name}`)).status)
    .toBe(200);
});

test.each([
  { what: "a result", path: "files/1/prediction.nii.gz", isSentWhole: true },
  { what: "the archive of its results", path: "archive.zip", isSentWhole: false },
])(
  "$what of a job that is removed meanwhile is sent whole, or visibly cut",
  async ({ path, isSentWhole }) => {
    const { service, port } = await listening();
    const id = await startJob(service);
    const bytes = 48 << 20;
    const files = [1, 2].map((place) => ({
      name: `${place}/prediction.nii.gz`,
      kind: "label-map",
      stage: 0,
      bytes,
    }));
    for (const { name } of files) {
      const file = join(service.engine.jobs[0]!.work.outputDir, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, Buffer.alloc(bytes));
    }
    service.engine.report({ kind: "done", id, result: { ...emptyResult, files } });
    const address = `http://127.0.0.1:${port}/v1/jobs/${id}`;
    const answer = await fetch(`${address}/${path}`);
    expect(answer.status).toBe(200);
    const announced = Number(answer.headers.get("content-length"));
    expect((await fetch(address, { method: "DELETE" })).status).toBe(204);
    const received = await answer.arrayBuffer().then(
      ({ byteLength }) => byteLength,
      () => "cut",
    );
    expect(received).toBe(isSentWhole ? announced : "cut");
    expect((await fetch(address)).status).toBe(404);
    expect(service.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  },
);

test("listeners leave room for clients that ask", async () => {
  const { service, port } = await listening();
  const id = await startJob(service);
  const request = `GET /v1/jobs/${id}/events HTTP/1.1\r\nhost: localhost\r\n\r\n`;
  const sockets = await Promise.all(
    Array.from({ length: 1000 }, async () => {
      const socket = connected(port, request);
      await once(socket, "data");
      return socket;
    }),
  );
  const url = `http://127.0.0.1:${port}/v1/jobs/${id}/events`;
  expect((await fetch(url)).status).toBe(503);
  for (const socket of sockets) socket.destroy();
  await expect
    .poll(async () => {
      const { status, body } = await fetch(url);
      await body?.cancel();
      return status;
    })
    .toBe(200);
});

test("a listener that throws keeps the events of a job from nobody, and gets no more", () => {
  const log = new EventLog();
  const seen: string[] = [];
  let calls = 0;
  log.listen(() => {
    calls++;
    throw new Error("the listener has a bug");
  });
  log.listen(({ event }) => seen.push(event.kind));
  log.add({ kind: "log", data: { line: "a" } });
  log.add({ kind: "end", data: { state: "done" } });
  expect(seen).toEqual(["log", "end"]);
  expect(calls).toBe(1);
});

test("one who waits for the end of jobs and throws keeps it from nobody, and the log names the fault", async () => {
  const service = await testService();
  const ended: string[] = [];
  service.context.jobs.onEnd(() => {
    throw new Error("the listener has a bug");
  });
  service.context.jobs.onEnd(({ id }) => ended.push(id));
  const ids = [await startJob(service), await startJob(service)];
  for (const id of ids) service.engine.finish(id);
  await expect.poll(() => [...ended].sort()).toEqual([...ids].sort());
  expect(service.logLines.filter((line) => line.includes("the listener has a bug"))).toHaveLength(2);
});
