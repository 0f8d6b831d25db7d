import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { Sessions } from "../../../../processor/runtime/service/access/sessions.js";
import { readTokenFile } from "../../../../processor/runtime/service/access/tokens.js";
import { JobTable } from "../../../../processor/runtime/service/jobs/job-table.js";
import { ServedModels } from "../../../../processor/runtime/service/models/served-model.js";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import { emptyResult, openTestEngine, type TestEngine } from "../../../support/service/test-engine.js";
import {
  formOf,
  putJob,
  type TestService,
  temporaryFolder,
  testModel,
  testService,
} from "../../../support/service/test-service.js";
import { usualOptions } from "../../../support/service/usual-options.js";

const host = "localhost";

const get = (service: TestService, url: string, headers = {}) =>
  service.app.inject({ url, headers: { host, ...headers } });

const stateOf = async (service: TestService, id: string) =>
  (await get(service, `/v1/jobs/${id}`)).json().state;

test("the metrics count jobs and requests, and measure stages and the queue", async () => {
  const service = await testService();
  await putJob(service, "good");
  await putJob(service, "bad");
  await putJob(service, "waits");
  const stage = { model: "organ", is_empty: false, labels: [], warnings: [], execution_provider: "cpu" };
  const stages = [{ ...stage, seconds: { inference: 3 } }];
  service.engine.report({ kind: "started", id: "good" });
  service.engine.report({ kind: "done", id: "good", result: { ...emptyResult, stages } });
  const error = { code: "IMAGE_TRUNCATED", message: "short", help: "-" };
  service.engine.report({ kind: "failed", id: "bad", error });
  const counted = async () => (await get(service, "/metrics")).body.match(/^jobs_total\{.*/gm)?.length;
  await expect.poll(counted).toBe(2);
  const { body, headers } = await get(service, "/metrics");
  expect(headers["content-type"]).toMatch(/^text\/plain/);
  for (const line of [
    'jobs_total{model="organ",state="done"} 1',
    'jobs_total{model="organ",state="failed"} 1',
    'job_seconds_sum{stage="inference"} 3',
    'job_seconds_count{stage="wait"} 1',
    "queue_length 1",
    "device_memory_bytes 0",
    'model_loaded{model="organ"} 0',
    'http_requests_total{method="PUT",route="/v1/jobs/:id",status="202"} 3',
  ])
    expect(body.split("\n")).toContain(line);
  expect(body).toMatch(/^queue_oldest_seconds \d/m);
  expect(body).toMatch(/^process_cpu_user_seconds_total /m);
});

test("listeners get the progress of a job at most four times a second, and its end", async () => {
  const service = await testService();
  await putJob(service, "own-id");
  service.engine.report({ kind: "started", id: "own-id" });
  const began = performance.now();
  for (let done = 0; done < 1000; done++) {
    const progress = { stage: "organ", done, total: 1000, fraction: done / 1000, eta_s: null };
    service.engine.report({ kind: "progress", id: "own-id", progress });
  }
  const quarters = Math.ceil((performance.now() - began) / 250);
  service.engine.report({ kind: "done", id: "own-id", result: emptyResult });
  await expect.poll(() => stateOf(service, "own-id")).toBe("done");
  const { body } = await get(service, "/v1/jobs/own-id/events");
  expect(body.match(/^event: progress$/gm)!.length).toBeLessThanOrEqual(1 + quarters);
  expect(body).toMatch(/event: end\ndata: {"state":"done"}\n\n$/);
});

test("a listener hears every 15 seconds that the connection lives, while nothing happens", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const service = await testService();
  await putJob(service, "own-id");
  const address = await service.app.listen({ host: "127.0.0.1", port: 0 });
  const { body } = await fetch(`${address}/v1/jobs/own-id/events`);
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toContain('data: {"state":"waiting","position":0}');
  await vi.advanceTimersByTimeAsync(15_000);
  expect((await reader.read()).value).toBe(": the job goes on\n\n");
  await reader.cancel();
});

test("a model is described with its channels, labels, licence and memory, and raw tensors are refused", async () => {
  const organ = testModel("organ", { license: "CC BY 4.0", weightBytes: 123, channels: ["CT", "PET"] });
  const broken = testModel("broken", { path: null, error: "no folder with fold_0" });
  const service = await testService({ models: new ServedModels([organ, broken]) });
  const { models } = (await get(service, "/v1/models")).json();
  expect(models).toMatchObject([
    {
      id: "organ",
      channels: ["CT", "PET"],
      ready: true,
      license: "CC BY 4.0",
      error: null,
      weight_bytes: 123,
      min_mem_mib: 100,
    },
    { id: "broken", ready: false, error: "no folder with fold_0" },
  ]);
  expect(models[0].labels).toContainEqual({ name: "organ", value: 1 });
  expect((await get(service, "/v2/models/organ/ready")).statusCode).toBe(200);
  const tensors = await service.app.inject({
    method: "POST",
    url: "/v2/models/organ/infer",
    headers: { host },
    payload: {},
  });
  expect([tensors.statusCode, tensors.json().help]).toEqual([501, expect.stringContaining("POST /v1/jobs")]);
});

test("jobs that ended long ago are removed with their files when the server starts, and others are not", async () => {
  const folder = temporaryFolder();
  const before = await testService({ folder });
  await putJob(before, "ended");
  await putJob(before, "waits");
  before.engine.finish("ended");
  await expect.poll(() => stateOf(before, "ended")).toBe("done");
  await before.close(0);
  const after = await testService({ folder, keptResultsMs: -60_000 });
  await expect.poll(() => readdirSync(join(folder, "jobs"))).toEqual(["waits"]);
  expect((await get(after, "/v1/jobs/ended")).statusCode).toBe(404);
});

test("results are not removed because the clock was set by a year, unless it stays so", async () => {
  vi.useFakeTimers({ toFake: ["Date", "performance", "setInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const day = 24 * 3_600_000;
  const service = await testService({ keptResultsMs: 7 * day });
  await putJob(service, "ended");
  service.engine.finish("ended");
  await expect.poll(() => stateOf(service, "ended")).toBe("done");
  vi.setSystemTime(Date.now() + 365 * day);
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(service.logLines.at(-1)).toContain("the clock was set");
  expect(await stateOf(service, "ended")).toBe("done");
  await vi.advanceTimersByTimeAsync(3_600_000);
  vi.useRealTimers();
  await expect.poll(async () => (await get(service, "/v1/jobs/ended")).statusCode).toBe(404);
});

test("a client that prefers to wait for a moment only is told that the job goes on", async () => {
  const service = await testService();
  const early = await putJob(service, "slow", { prefer: "wait=0" });
  expect([early.statusCode, early.json().state, early.headers["preference-applied"]]).toEqual([
    202,
    "waiting",
    undefined,
  ]);
  const waiting = putJob(service, "fast", { prefer: "respond-async, wait=60" });
  await expect.poll(() => service.engine.jobs.length).toBe(2);
  service.engine.finish("fast");
  const late = await waiting;
  expect([late.statusCode, late.json().state, late.headers["preference-applied"]]).toEqual([
    200,
    "done",
    "wait",
  ]);
});

test("a server that stops says so, and takes no further job while the last one ends", async () => {
  let release = (): void => {};
  const ended = new Promise<void>((resolve) => {
    release = resolve;
  });
  const engines: TestEngine[] = [];
  const service = await testService({
    openEngine: (listener) => {
      engines.push({ ...openTestEngine(listener), close: () => ended });
      return Promise.resolve(engines[0]!);
    },
  });
  await putJob(service, "last");
  const closing = service.close(1000);
  const ready = await get(service, "/readyz");
  expect([ready.statusCode, ready.json().reason]).toEqual([503, "the server is stopping"]);
  const refused = await putJob(service, "late");
  expect([refused.statusCode, refused.json().code, refused.headers["retry-after"]]).toEqual([
    503,
    "NOT_READY",
    "10",
  ]);
  expect((await get(service, "/healthz")).statusCode).toBe(200);
  release();
  await closing;
});

test("a key is forgotten after a day, and the same key then starts another job", () => {
  const table = new JobTable();
  const created = new Date("2026-01-01T00:00:00Z");
  const idempotency = { key: "k", digest: "a" };
  const stored = { id: "a", client: "x", created: created.toISOString(), idempotency };
  const sent = { id: "b", client: "x", request: {}, idempotency };
  // The table looks at nothing else of a job.
  table.add({ stored } as Parameters<JobTable["add"]>[0]);
  const hours = (count: number) => new Date(created.getTime() + count * 3_600_000);
  expect(table.sameAs(sent, hours(23))?.stored.id).toBe("a");
  expect(table.sameAs(sent, hours(25))).toBeNull();
  expect(table.sameAs({ ...sent, client: "y" }, hours(1))).toBeNull();
});

test.each([
  [0, 429],
  [1, 400],
])(
  "the address that %i trusted proxies name is what the rate limit counts: %i",
  async (trustedProxies, status) => {
    const limits = { ...usualOptions().limits, requestsPerMinute: 1 };
    const dataRoots = await DataRoots.open([temporaryFolder()]);
    const service = await testService({ limits, trustedProxies, dataRoots });
    const infer = (address: string) =>
      service.app.inject({
        method: "POST",
        url: "/infer",
        headers: { host, "x-forwarded-for": address },
        payload: { nnunet_id: "nobody", study_path: "/", output_dir: "/" },
      });
    expect((await infer("192.0.2.1")).statusCode).toBe(400);
    expect((await infer("192.0.2.2")).statusCode).toBe(status);
    expect((await infer("192.0.2.1")).statusCode).toBe(429);
  },
);

test("with DEBUG=1, nnunet_serve's routes add the causes of an error, and without it they do not", async () => {
  const payload = { nnunet_id: "nobody", study_path: "/", output_dir: "/" };
  for (const isDebugging of [true, false]) {
    const service = await testService({ isDebugging });
    const answer = await service.app.inject({ method: "POST", url: "/infer", headers: { host }, payload });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "MODEL_UNKNOWN"]);
    expect(JSON.stringify(answer.json().debug)).toEqual(
      isDebugging ? expect.stringContaining("ProcessorError: nobody") : undefined,
    );
  }
});

test("every answer has the security headers and the id that the log has, and 401 names the scheme", async () => {
  const file = join(temporaryFolder(), "tokens");
  writeFileSync(file, "reader:read:reader-token-0123456789\n");
  const access = {
    tokens: await readTokenFile(file),
    sessions: new Sessions(),
    corsOrigins: [],
    isLoopback: false,
  };
  const service = await testService({ access });
  for (const [url, status] of [
    ["/healthz", 200],
    ["/v1/jobs", 401],
    ["/no-route", 404],
  ] as const) {
    const { statusCode, headers } = await get(service, url);
    expect(statusCode).toBe(status);
    expect(headers["content-security-policy"]).toContain("default-src 'none'");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(service.logLines.at(-1)).toContain(`"request":"${headers["x-request-id"]}"`);
    expect(headers["www-authenticate"]).toBe(status === 401 ? "Bearer" : undefined);
  }
});

test("the log has the end of each job with its id, but an id that a client chose only as a digest", async () => {
  const service = await testService();
  const form = await formOf({ model: "organ" }, { "scan.nii.gz": "voxels" });
  const headers = { host, ...form.headers };
  const { id } = (
    await service.app.inject({ method: "POST", url: "/v1/jobs", payload: form.payload, headers })
  ).json();
  await putJob(service, "DOE-JOHN");
  const error = { code: "IMAGE_TRUNCATED", message: "DOE.nii.gz: short", help: "-" };
  service.engine.report({ kind: "failed", id, error });
  service.engine.finish("DOE-JOHN");
  const ends = () => service.logLines.filter((line) => line.includes('"job":')).length;
  await expect.poll(ends).toBe(2);
  const lines = service.logLines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
  expect(lines).toContainEqual(
    expect.objectContaining({ job: id, state: "failed", code: "IMAGE_TRUNCATED" }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      job: expect.stringMatching(/^sha256:[0-9a-f]{16}$/),
      state: "done",
      code: null,
    }),
  );
  expect(service.logLines.join("")).not.toContain("DOE");
});
