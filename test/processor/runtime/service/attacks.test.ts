import { once } from "node:events";
import { symlinkSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { Sessions } from "../../../../processor/runtime/service/access/sessions.js";
import { readTokenFile } from "../../../../processor/runtime/service/access/tokens.js";
import { requireAllowed } from "../../../../processor/runtime/service/engine/study-inputs.js";
import { DataRoots } from "../../../../processor/runtime/service/requests/data-roots.js";
import { claimFolder } from "../../../../processor/runtime/service/start/claim-folder.js";
import {
  isPrivateAddress,
  publicAddressOf,
  requireAllowedWebhook,
} from "../../../../processor/runtime/service/webhooks/webhook-rules.js";
import { neverStopped } from "../../../support/never-stopped.js";
import {
  formOf,
  sentForm,
  type TestService,
  temporaryFolder,
  testService,
} from "../../../support/service/test-service.js";

const host = "localhost";
const tokens = {
  reader: "reader-token-0123456789",
  sender: "sender-token-0123456789",
  operator: "admin-token-0123456789",
};

async function protectedService(): Promise<TestService> {
  const file = join(temporaryFolder(), "tokens");
  writeFileSync(
    file,
    `# who may do what\nreader:read:${tokens.reader}\nsender:infer:${tokens.sender}\n\noperator:admin:${tokens.operator}\n`,
  );
  const access = {
    tokens: await readTokenFile(file),
    sessions: new Sessions(),
    corsOrigins: [],
    isLoopback: false,
  };
  return testService({ access });
}

async function listen(service: TestService): Promise<number> {
  await service.app.listen({ host: "127.0.0.1", port: 0 });
  return (service.app.server.address() as AddressInfo).port;
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

describe("a token", () => {
  test.each([
    ["none", {}, 401],
    ["a guess", { authorization: "Bearer guess" }, 401],
    ["a beginning of a token", { authorization: `Bearer ${tokens.sender.slice(0, -1)}` }, 401],
    ["an empty token", { authorization: "Bearer " }, 401],
    ["another scheme", { authorization: `Basic ${tokens.operator}` }, 401],
    ["one that may only read", { authorization: `Bearer ${tokens.reader}` }, 403],
    ["one that may not administrate", { authorization: `Bearer ${tokens.sender}` }, 403],
    ["the operator's", { authorization: `Bearer ${tokens.operator}` }, 200],
  ])("%s for POST /expire", async (_, headers, status) => {
    const service = await protectedService();
    const answer = await service.app.inject({
      method: "POST",
      url: "/expire",
      headers: { host, ...headers },
    });
    expect(answer.statusCode).toBe(status);
  });

  test("is needed for every route but health, the page's login and the description", async () => {
    const service = await protectedService();
    const { paths } = (await service.app.inject({ url: "/openapi.json", headers: { host } })).json();
    const free: string[] = [];
    for (const [path, operations] of Object.entries<object>(paths))
      for (const method of Object.keys(operations)) {
        const url = path.replaceAll(/\{[^}]+\}/g, "x");
        const answer = await service.app.inject({ method: method as "GET", url, headers: { host } });
        if (answer.statusCode !== 401) free.push(`${method} ${path}`);
      }
    expect(free.filter((route) => !/ (?:\/healthz|\/readyz|\/v1\/session|\/v2.*)$/.test(route))).toEqual([]);
  });

  test("of a session needs the session's CSRF token for changes", async () => {
    const service = await protectedService();
    const login = await service.app.inject({
      method: "POST",
      url: "/v1/session",
      headers: { host },
      payload: { token: tokens.operator },
    });
    expect(login.headers["set-cookie"]).toMatch(/HttpOnly; SameSite=Strict/);
    const cookie = String(login.headers["set-cookie"]).split(";")[0]!;
    const expire = (headers: Record<string, string>) =>
      service.app.inject({ method: "POST", url: "/expire", headers: { host, cookie, ...headers } });
    expect((await expire({})).statusCode).toBe(403);
    expect((await expire({ "x-csrf-token": "guess" })).statusCode).toBe(403);
    expect((await expire({ "x-csrf-token": login.json().csrf_token })).statusCode).toBe(200);
  });
});

describe("a web page of another site", () => {
  test.each([
    ["sends a form", { origin: "https://evil.example" }],
    ["sends from a sandbox", { origin: "null" }],
    ["has a name that leads to this machine", { host: "evil.example:12345" }],
  ])("%s, and is refused", async (_, headers) => {
    const service = await testService();
    const form = await formOf({ model: "organ" }, { "a.nii.gz": "v" });
    const answer = await service.app.inject({
      method: "POST",
      url: "/v1/jobs",
      payload: form.payload,
      headers: { host, ...form.headers, ...headers },
    });
    expect([answer.statusCode, answer.json().code]).toEqual([403, "CROSS_SITE"]);
  });
});

describe("a webhook", () => {
  const settings = { url: null, allowedHosts: ["hooks.example"], secret: null, pausesMs: [0] };

  test.each([
    "http://127.0.0.1/",
    "http://169.254.169.254/latest/meta-data",
    "http://hooks.example.evil.example/",
    "https://user:secret@hooks.example/",
    "file:///etc/passwd",
    "gopher://hooks.example/",
    "not an address",
  ])("to %s is refused", (address) => {
    expect(() => requireAllowedWebhook(address, settings)).toThrow(
      expect.objectContaining({ code: "WEBHOOK_FORBIDDEN" }),
    );
  });

  test("to an allowed name that leads to a private network is refused when it is sent", async () => {
    await expect(publicAddressOf("localhost", ["localhost"])).rejects.toMatchObject({
      code: "WEBHOOK_FORBIDDEN",
    });
    await expect(publicAddressOf("127.0.0.1", ["127.0.0.1"])).resolves.toBe("127.0.0.1");
  });

  test.each([
    "127.0.0.1",
    "10.1.2.3",
    "172.31.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "0.0.0.0",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
  ])("address %s is private", (address) => expect(isPrivateAddress(address)).toBe(true));

  test.each(["93.184.216.34", "2606:2800:220:1::1"])("address %s is public", (address) =>
    expect(isPrivateAddress(address)).toBe(false),
  );
});

test("a form with two files of one name is refused without the server's folder in the message", async () => {
  const service = await testService();
  const form = new FormData();
  form.append("request", JSON.stringify({ model: "organ" }));
  for (const content of ["a", "b"]) form.append("file", new Blob([content]), "scan.nii.gz");
  const { headers, payload } = await sentForm(form);
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload,
    headers: { host, ...headers },
  });
  expect([answer.statusCode, answer.json().code]).toEqual([400, "FILE_NAME_INVALID"]);
  expect(answer.body).not.toContain(service.folder);
});

test("a request that names a model a hundred thousand times is refused at once", async () => {
  const root = temporaryFolder();
  const service = await testService({ dataRoots: await DataRoots.open([root]) });
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    headers: { host },
    payload: { model: Array(100_000).fill("organ"), study_path: root },
  });
  expect([answer.statusCode, answer.json().code]).toEqual([400, "SERIES_INVALID"]);
  expect(answer.body).toContain("may name 64 models");
});

test.each([
  ["scan", "scan/a.dcm"],
  ["scan/a.dcm", "scan"],
])("a form with the files %s and %s, which cannot share a folder, is refused", async (...names) => {
  const service = await testService();
  const { headers, payload } = await formOf(
    { model: "organ" },
    Object.fromEntries(names.map((name) => [name, "v"])),
  );
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload,
    headers: { host, ...headers },
  });
  expect([answer.statusCode, answer.json().code]).toEqual([400, "FILE_NAME_INVALID"]);
  expect(answer.body).not.toContain(service.folder);
});

test("a file that becomes a link out of the data root after its check is not read", async () => {
  const root = temporaryFolder();
  symlinkSync("/etc/passwd", join(root, "scan.nii.gz"));
  await expect(requireAllowed(join(root, "scan.nii.gz"), [root])).rejects.toMatchObject({
    code: "PATH_FORBIDDEN",
  });
});

test("two servers cannot have one folder, and the second can start when the first has ended", async () => {
  const folder = temporaryFolder();
  const release = await claimFolder(folder, neverStopped());
  await expect(claimFolder(folder, neverStopped())).rejects.toMatchObject({ code: "FOLDER_IN_USE" });
  await release();
  await (await claimFolder(folder, neverStopped()))();
});

describe("a connection", () => {
  test("with headers without end is closed, and the server answers others", async () => {
    const service = await testService();
    const port = await listen(service);
    const socket = await open(port);
    socket.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Flood: ${"a".repeat(64 << 10)}`);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 431/);
    expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200);
  });

  test("with a body without end is refused", async () => {
    const service = await testService();
    const port = await listen(service);
    const response = await fetch(`http://localhost:${port}/infer`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `"${"a".repeat(2 << 20)}"`,
    });
    expect(response.status).toBe(413);
  });

  test("is one of 1,000 that send nothing, and the server answers", async () => {
    const service = await testService();
    const port = await listen(service);
    await Promise.all(Array.from({ length: 1000 }, () => open(port)));
    const began = performance.now();
    expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

test("the log names no patient: neither addresses nor the contents of requests", async () => {
  const service = await testService();
  await service.app.inject({ url: "/v1/jobs/DOE-JOHN/files/DOE%5EJOHN.nii.gz?name=DOE", headers: { host } });
  const form = await formOf({ model: "organ", suffix: "DOE" }, { "DOE^JOHN.nii.gz": "DOE" });
  await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload: form.payload,
    headers: { host, ...form.headers },
  });
  expect(service.logLines).toHaveLength(2);
  expect(service.logLines.join("")).not.toContain("DOE");
});

test("a file without a name in a form is the client's mistake", async () => {
  const service = await testService();
  const boundary = "b0und4ry";
  const payload = [
    `--${boundary}`,
    'Content-Disposition: form-data; name="file"',
    "Content-Type: application/octet-stream",
    "",
    "voxels",
    `--${boundary}--`,
    "",
  ].join("\r\n");
  for (const url of ["/v1/jobs", "/infer_file"]) {
    const headers = { host: "localhost", "content-type": `multipart/form-data; boundary=${boundary}` };
    const { statusCode, body } = await service.app.inject({ method: "POST", url, headers, payload });
    expect(statusCode, body).toBe(400);
  }
});
