import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Sessions } from "../../../../processor/runtime/service/access/sessions.js";
import { openMetricsPort } from "../../../../processor/runtime/service/start/metrics-port.js";
import { testService } from "../../../support/service/test-service.js";

const allowed = "https://pacs.example";
const service = () =>
  testService({
    access: { tokens: null, sessions: new Sessions(), corsOrigins: [allowed], isLoopback: true },
  });
const host = "localhost";

test("a page of an allowed origin may ask, and read the answers", async () => {
  const { app } = await service();
  const question = await app.inject({
    method: "OPTIONS",
    url: "/v1/jobs",
    headers: { host, origin: allowed, "access-control-request-method": "POST" },
  });
  expect(question.statusCode).toBe(204);
  expect(question.headers["access-control-allow-origin"]).toBe(allowed);
  expect(question.headers["access-control-allow-methods"]).toContain("POST");
  expect(question.headers["access-control-allow-headers"]).toContain("authorization");
  const answer = await app.inject({ url: "/v1/models", headers: { host, origin: allowed } });
  expect(answer.statusCode).toBe(200);
  expect(answer.headers["access-control-allow-origin"]).toBe(allowed);
  expect(answer.headers["vary"]).toBe("origin");
});

test("a page of any other origin may not read answers, or send requests that change something", async () => {
  const { app } = await service();
  const origin = "https://pacs.example.org";
  const question = await app.inject({
    method: "OPTIONS",
    url: "/v1/jobs",
    headers: { host, origin, "access-control-request-method": "POST" },
  });
  expect(question.statusCode).toBe(405);
  const answer = await app.inject({ url: "/v1/models", headers: { host, origin } });
  expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  const change = await app.inject({
    method: "POST",
    url: "/v1/jobs",
    headers: { host, origin },
    payload: {},
  });
  expect(change.statusCode).toBe(403);
});

test("a port for metrics answers /metrics and nothing else", async () => {
  const { metrics } = await service();
  const server = await openMetricsPort(metrics, { host: "127.0.0.1", port: 0 });
  onTestFinished(() => void server.close());
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const answer = await fetch(`${address}/metrics`);
  expect(await answer.text()).toContain("queue_length 0");
  expect((await fetch(`${address}/v1/models`)).status).toBe(404);
  expect((await fetch(`${address}/metrics`, { method: "POST" })).status).toBe(404);
});
