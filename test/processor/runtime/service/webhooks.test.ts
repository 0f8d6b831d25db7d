import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import type { WebhookSettings } from "../../../../processor/runtime/service/webhooks/webhook-rules.js";
import { emptyResult } from "../../../support/service/test-engine.js";
import { formOf, type TestService, testService } from "../../../support/service/test-service.js";

const host = "localhost";

interface Received {
  readonly path: string;
  readonly type: string;
  readonly signature: string | undefined;
  readonly body: string;
}

/** Starts a server that answers with one status after the other; null is no answer. */
async function startHook(statuses: readonly (number | null)[]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { url: path = "", headers } = request;
    const signature = headers["x-signature-256"];
    received.push({
      path,
      type: String(headers["content-type"]),
      signature: signature === undefined ? undefined : String(signature),
      body: await text(request),
    });
    const status = statuses[Math.min(received.length, statuses.length) - 1]!;
    if (status !== null) response.writeHead(status, { location: "/elsewhere" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/end` };
}

const serviceWith = (changes: Partial<WebhookSettings>): Promise<TestService> =>
  testService({
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
