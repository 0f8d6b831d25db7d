import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import { type TestService, temporaryFolder, testService } from "../../../support/service/test-service.js";
import { usualOptions } from "../../../support/service/usual-options.js";

const host = "localhost";
const json = { host, "content-type": "application/json" };
const mark = "b0und4ry";
const formType = `multipart/form-data; boundary=${mark}`;

const field = (name: string, content: string, type = "text/plain") =>
  `--${mark}\r\nContent-Disposition: form-data; name="${name}"\r\nContent-Type: ${type}\r\n\r\n${content}\r\n`;
const file = (name: string, content: string) =>
  `--${mark}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n${content}\r\n`;
const end = `--${mark}--\r\n`;

const sendForm = (service: TestService, payload: string, url = "/v1/jobs") =>
  service.app.inject({ method: "POST", url, payload, headers: { host, "content-type": formType } });

async function openSocket(service: TestService): Promise<Socket> {
  await service.app.listen({ host: "127.0.0.1", port: 0 });
  const socket = connect((service.app.server.address() as AddressInfo).port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe("JSON", () => {
  const deep = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;

  test.each([
    ["POST", "/infer", `{"nnunet_id":${deep(100_000)}}`],
    ["POST", "/v1/jobs", `{"model":${deep(100_000)}}`],
    ["PUT", "/v1/jobs/own-id", `{"model":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}`],
    ["POST", "/v1/session", `{"token":${deep(100_000)}}`],
  ] as const)("that is nested 100,000 levels deep is refused: %s %s", async (method, url, payload) => {
    const service = await testService({ dataRoots: await DataRoots.open([temporaryFolder()]) });
    const answer = await service.app.inject({ method, url, payload, headers: json });
    expect([answer.statusCode, answer.json().code], answer.body.slice(0, 300)).toEqual([
      422,
      "REQUEST_INVALID",
    ]);
  });

  test("may have a hundred brackets in a text", async () => {
    const service = await testService();
    const payload = JSON.stringify({ model: `"${"[".repeat(500)}\\` });
    const answer = await service.app.inject({ method: "POST", url: "/v1/jobs", payload, headers: json });
    expect(answer.json().code).toBe("MODEL_UNKNOWN");
  });

  test.each([
    ["POST", "/v1/jobs"],
    ["PUT", "/v1/jobs/own-id"],
    ["POST", "/infer"],
    ["POST", "/v1/uploads"],
  ] as const)(
    "of more than a megabyte is refused, although files may have more: %s %s",
    async (method, url) => {
      const limits = { ...usualOptions().limits, maxUploadBytes: 1 << 30 };
      const service = await testService({ limits });
      const payload = JSON.stringify({ model: "a".repeat(1 << 20) });
      const answer = await service.app.inject({ method, url, payload, headers: json });
      expect([answer.statusCode, answer.json().code]).toEqual([413, "UPLOAD_TOO_LARGE"]);
    },
  );

  test("with fifty thousand unknown fields is refused with the first thousand of them", async () => {
    const service = await testService();
    const fields = Array.from({ length: 50_000 }, (_, i) => [`k${i}`, 1] as const);
    const payload = JSON.stringify({ model: "organ", ...Object.fromEntries(fields) });
    const answer = await service.app.inject({ method: "POST", url: "/v1/jobs", payload, headers: json });
    expect([answer.statusCode, answer.json().detail.length]).toEqual([422, 1000]);
  });

  test("with a key twice has the last value, as nnunet_serve's parser takes it", async () => {
    const service = await testService();
    const payload = '{"model":"organ","model":"lesions"}';
    const answer = await service.app.inject({ method: "POST", url: "/v1/jobs", payload, headers: json });
    expect(answer.json().error).toContain("lesions is not a valid nnunet_id");
  });
});

test.each([
  ["POST", "/v1/jobs", "application/octet-stream"],
  ["PUT", "/v1/jobs/own-id", "text/plain"],
  ["POST", "/infer", "application/octet-stream"],
  ["POST", "/infer", formType],
  ["POST", "/infer_file", "application/json"],
  ["POST", "/v1/session", "application/octet-stream"],
  ["POST", "/v1/uploads", formType],
  ["PATCH", "/v1/uploads/00000000-0000-4000-8000-000000000000", "application/json"],
  ["PATCH", "/v1/uploads/00000000-0000-4000-8000-000000000000", "text/plain"],
] as const)(
  "a body of another kind is refused with those that the route takes: %s %s, %s",
  async (method, url, type) => {
    const service = await testService();
    const headers = { host, "content-type": type };
    const answer = await service.app.inject({ method, url, payload: "{}", headers });
    expect([answer.statusCode, answer.json().code, answer.json().error]).toEqual([
      415,
      "MEDIA_TYPE_UNKNOWN",
      expect.stringMatching(/, but this route takes (application|multipart)\//),
    ]);
  },
);

test("a packed body is refused instead of misread", async () => {
  const service = await testService();
  const payload = gzipSync('{"model":"organ"}');
  const headers = { ...json, "content-encoding": "gzip" };
  const answer = await service.app.inject({ method: "POST", url: "/v1/jobs", payload, headers });
  expect([answer.statusCode, answer.json().code]).toEqual([415, "MEDIA_TYPE_UNKNOWN"]);
});

describe("a form", () => {
  const request = JSON.stringify({ model: "organ" });

  test("may say that its request is JSON, as curl does with type=", async () => {
    const service = await testService();
    const answer = await sendForm(
      service,
      `${field("request", request, "application/json")}${file("a.nii", "v")}${end}`,
    );
    expect(answer.statusCode, answer.body).toBe(202);
    expect(service.engine.jobs).toHaveLength(1);
  });

  test.each([
    [
      "with two requests",
      `${field("request", request)}${field("request", request)}${end}`,
      400,
      "FORM_INVALID",
    ],
    ["with another field", `${field("request", request)}${field("evil", "x")}${end}`, 422, "REQUEST_INVALID"],
    ["without its end", `${field("request", request)}${file("a.nii", "v")}`, 400, "FORM_INVALID"],
    [
      "with a request of two megabytes",
      `${field("request", "a".repeat(2 << 20))}${end}`,
      413,
      "UPLOAD_TOO_LARGE",
    ],
    ["with a deep request", `${field("request", "[".repeat(1e5))}${end}`, 422, "REQUEST_INVALID"],
    [
      "with a deep request that it calls JSON",
      `${field("request", `${"[".repeat(1e5)}${"]".repeat(1e5)}`, "application/json")}${end}`,
      422,
      "REQUEST_INVALID",
    ],
    [
      "with a name that leads out",
      `${field("request", request)}${file("../a.nii", "v")}${end}`,
      400,
      "FILE_NAME_INVALID",
    ],
    [
      "with one name twice",
      `${field("request", request)}${file("a", "v")}${file("a", "v")}${end}`,
      400,
      "FILE_NAME_INVALID",
    ],
    [
      "with a file as a folder",
      `${field("request", request)}${file("a", "v")}${file("a/b", "v")}${end}`,
      400,
      "FILE_NAME_INVALID",
    ],
  ])("%s is refused, and nothing of it stays", async (_, payload, status, code) => {
    const service = await testService();
    const answer = await sendForm(service, payload);
    expect([answer.statusCode, answer.json().code], answer.body.slice(0, 300)).toEqual([status, code]);
    expect(answer.body).not.toContain(service.folder);
    const incoming = join(service.folder, "incoming");
    expect(existsSync(incoming) ? readdirSync(incoming) : []).toEqual([]);
    expect(service.engine.jobs).toEqual([]);
  });

  test("with a boundary that is too long is refused", async () => {
    const service = await testService();
    const headers = { host, "content-type": `multipart/form-data; boundary=${"b".repeat(1000)}` };
    const answer = await service.app.inject({ method: "POST", url: "/v1/jobs", payload: "--b", headers });
    expect([answer.statusCode, answer.json().code]).toEqual([400, "FORM_INVALID"]);
  });

  test("that announces more bytes than are taken is refused before they arrive", async () => {
    const service = await testService();
    const socket = await openSocket(service);
    const answer = text(socket);
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${formType}\r\ncontent-length: 99999999999\r\n\r\n--`,
    );
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*UPLOAD_TOO_LARGE/);
  });

  test("whose client goes away leaves nothing, and is no fault in the log", async () => {
    const service = await testService();
    const socket = await openSocket(service);
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${formType}\r\ncontent-length: 5000\r\n\r\n${field("request", request)}${file("a.nii", "v").trimEnd()}`,
    );
    const incoming = join(service.folder, "incoming");
    await expect.poll(() => existsSync(incoming) && readdirSync(incoming).length).toBe(1);
    socket.destroy();
    await expect.poll(() => readdirSync(incoming)).toEqual([]);
    expect(service.logLines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test("that was refused before its end does not keep the connection's next request waiting", async () => {
    const service = await testService();
    const socket = await openSocket(service);
    const body = `${file("..", "v")}${field("request", request)}${file("b.nii", "v".repeat(500_000))}${end}`;
    socket.write(
      `POST /v1/jobs HTTP/1.1\r\nhost: ${host}\r\ncontent-type: ${formType}\r\ncontent-length: ${body.length}\r\n\r\n${body}GET /healthz HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`,
    );
    expect(await text(socket)).toMatch(/HTTP\/1\.1 400 [\s\S]*HTTP\/1\.1 200 /);
  });
});

test.each([
  ["two lengths", "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}"],
  [
    "a length and chunks",
    "POST /v1/jobs HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  ],
  ["HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
])("a request with %s is refused in words", async (_, bytes) => {
  const socket = await openSocket(await testService());
  const answer = text(socket);
  socket.write(bytes);
  expect(await answer).toMatch(/^HTTP\/1\.1 400 [\s\S]*\r\n\r\nThis is not a valid HTTP\/1\.1 request/);
});
