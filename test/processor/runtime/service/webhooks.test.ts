import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { WebhookSettings } from "../../../../processor/runtime/service/webhooks/webhook-rules.js";
import { type Received, startHook } from "../../../support/service/hook-server.js";
import { emptyResult } from "../../../support/service/test-engine.js";
import {
  formOf,
  type TestService,
  temporaryFolder,
  testService,
} from "../../../support/service/test-service.js";

const host = "localhost";

const serviceWith = (changes: Partial<WebhookSettings>, folder = temporaryFolder()): Promise<TestService> =>
  testService({
    folder,
    webhooks: { url: null, allowedHosts: [], secret: null, pausesMs: [0, 1, 1, 1, 1], ...changes },
  });

async function startJob(service: TestService, more: object = {}): Promise<string> {
  const form = await formOf({ model: "organ", ...more }, { "scan.nii.gz": "v" });
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload: form.payload,
    headers: { host, ...form.headers },
  });
  expect(answer.statusCode, answer.body).toBe(202);
  return answer.json().id;
}

const stageOf = (isEmpty: boolean) => ({
  model: "organ",
  is_empty: isEmpty,
  labels: [],
  warnings: [],
  seconds: {},
  execution_provider: "cpu",
});

test("the operator's address receives each end as signed JSON, with nnunet_serve's words", async () => {
  const hook = await startHook([200]);
  const service = await serviceWith({ url: hook.address, secret: "key" });
  const ids = [await startJob(service), await startJob(service), await startJob(service)] as const;
  const { engine } = service;
  engine.report({ kind: "done", id: ids[0], result: { ...emptyResult, stages: [stageOf(false)] } });
  engine.report({ kind: "done", id: ids[1], result: { ...emptyResult, stages: [stageOf(true)] } });
  engine.report({
    kind: "failed",
    id: ids[2],
    error: { code: "IMAGE_TRUNCATED", message: "it ends", help: "" },
  });
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(3);
  const bodies = hook.received.map(({ body }) => JSON.parse(body) as { readonly job_id: string });
  expect(ids.map((id) => bodies.find(({ job_id: job }) => job === id))).toEqual([
    { job_id: ids[0], status: "done", output_error: "", output_log: "" },
    { job_id: ids[1], status: "done_no_output", output_error: "", output_log: "No lesion detected" },
    { job_id: ids[2], status: "failed", output_error: "IMAGE_TRUNCATED: it ends", output_log: "" },
  ]);
  for (const { body, signature, type } of hook.received) {
    expect(type).toBe("application/json");
    expect(signature).toBe(`sha256=${createHmac("sha256", "key").update(body).digest("hex")}`);
  }
});

test("a request's own address receives a form, if the operator allows its host", async () => {
  const hook = await startHook([204]);
  const service = await serviceWith({ allowedHosts: ["127.0.0.1"] });
  const id = await startJob(service, { update_url: hook.address, update_format: "form" });
  service.engine.finish(id);
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(1);
  const [{ type, body, signature }] = hook.received as [Received];
  expect([type, signature]).toEqual(["application/x-www-form-urlencoded", undefined]);
  expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({ job_id: id });
});

test("an end is sent until it arrives, and no redirect is followed", async () => {
  const hook = await startHook([500, 302, 200]);
  const service = await serviceWith({ url: hook.address });
  service.engine.finish(await startJob(service));
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(3);
  expect(new Set(hook.received.map(({ path }) => path))).toEqual(new Set(["/end"]));
  expect(service.logLines.join("")).not.toContain("did not arrive");
});

test("an end that never arrives is logged after five attempts", async () => {
  const hook = await startHook([500]);
  const service = await serviceWith({ url: hook.address });
  service.engine.finish(await startJob(service));
  await expect.poll(() => service.logLines.join(""), { timeout: 30_000 }).toContain("did not arrive");
  expect(hook.received).toHaveLength(5);
});

test("a server that does not answer holds neither a job nor the end of the service", async () => {
  const hook = await startHook([null]);
  const service = await serviceWith({ url: hook.address });
  for (const id of [await startJob(service), await startJob(service)]) {
    service.engine.finish(id);
    await expect
      .poll(async () => (await service.app.inject({ url: `/v1/jobs/${id}`, headers: { host } })).json().state)
      .toBe("done");
  }
  const began = performance.now();
  await service.close(0);
  expect(performance.now() - began).toBeLessThan(5000);
});

test("an allowed name that leads to this machine receives nothing", async () => {
  const hook = await startHook([200]);
  const service = await serviceWith({ allowedHosts: ["localhost"] });
  const id = await startJob(service, { update_url: hook.address.replace("127.0.0.1", "localhost") });
  service.engine.finish(id);
  await expect.poll(() => service.logLines.join(""), { timeout: 30_000 }).toContain("private network");
  expect(hook.received).toEqual([]);
});

const longPause = { pausesMs: [0, 1e6] };

test("an end that has not arrived when the server ends is sent by the next one, with the same id, and then no more", async () => {
  const hook = await startHook([500, 200]);
  const folder = temporaryFolder();
  const first = await serviceWith({ url: hook.address, ...longPause }, folder);
  const id = await startJob(first);
  first.engine.finish(id);
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(1);
  await first.close(0);
  const second = await serviceWith({ url: hook.address, ...longPause }, folder);
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(2);
  await second.close(0);
  const [one, other] = hook.received as [Received, Received];
  expect(JSON.parse(other.body)).toMatchObject({ job_id: id, status: "done_no_output" });
  expect(other).toEqual(one);
  expect(one.id).toMatch(/^[0-9a-f-]{36}$/);
  const third = await serviceWith({ url: hook.address, ...longPause }, folder);
  expect(third.context.jobs.duties.open()).toEqual([]);
});

test("a job that a dead server left is reported by the next one as interrupted", async () => {
  const hook = await startHook([200]);
  const folder = temporaryFolder();
  const first = await serviceWith({ url: hook.address }, folder);
  const id = await startJob(first);
  first.engine.report({ kind: "started", id });
  const file = join(folder, "jobs", id, "job.json");
  await expect.poll(() => JSON.parse(readFileSync(file, "utf8")).state).toBe("running");
  // The first one still runs, but knows of nothing that happens here.
  await serviceWith({ url: hook.address }, folder);
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(1);
  expect(JSON.parse(hook.received[0]!.body)).toMatchObject({ job_id: id, status: "failed" });
});

test("an end goes nowhere after the operator has taken back the permission", async () => {
  const hook = await startHook([500]);
  const folder = temporaryFolder();
  const first = await serviceWith({ allowedHosts: ["127.0.0.1"], ...longPause }, folder);
  const id = await startJob(first, { update_url: hook.address });
  first.engine.finish(id);
  await expect.poll(() => hook.received.length, { timeout: 30_000 }).toBe(1);
  await first.close(0);
  const second = await serviceWith({ allowedHosts: [] }, folder);
  await expect.poll(() => second.context.jobs.duties.open(), { timeout: 30_000 }).toEqual([]);
  expect(hook.received).toHaveLength(1);
  expect(second.logLines.join("")).toContain("this server sends nothing to 127.0.0.1");
});
