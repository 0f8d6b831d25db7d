import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { formOf, type TestService, testService } from "../../../support/service/test-service.js";

const host = "localhost";
const content = "0123456789";
const sha256 = createHash("sha256").update(content).digest("hex");

test("a file that arrives in parts is the input of a job, also after a part at a wrong place", async () => {
  const service = await testService();
  const payload = { name: "scan.nii.gz", bytes: content.length, sha256 };
  const created = await service.app.inject({
    method: "POST",
    url: "/v1/uploads",
    headers: { host },
    payload,
  });
  const { id } = created.json();
  const patch = (from: number, part: string) =>
    service.app.inject({
      method: "PATCH",
      url: `/v1/uploads/${id}`,
      payload: Buffer.from(part),
      headers: {
        host,
        "content-type": "application/octet-stream",
        "content-range": `bytes ${from}-${from + part.length - 1}/${content.length}`,
      },
    });
  expect((await patch(0, "0123")).json()).toMatchObject({ received: 4, complete: false });
  expect((await patch(2, "2345")).statusCode).toBe(400);
  for (const [range, part] of [
    ["bytes 4-6/10", "456789"],
    ["bytes 4-9/10", "45"],
    ["bytes 4-3/10", "4"],
    ["bytes 4-10/10", "4567890"],
  ] as const) {
    const headers = { host, "content-type": "application/octet-stream", "content-range": range };
    const answer = await service.app.inject({
      method: "PATCH",
      url: `/v1/uploads/${id}`,
      payload: part,
      headers,
    });
    expect([answer.statusCode, answer.json().code], range).toEqual([400, "UPLOAD_INVALID"]);
  }
  const early = { model: "organ", uploads: [id] };
  const refused = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    headers: { host },
    payload: early,
  });
  expect([refused.statusCode, refused.json().code]).toEqual([400, "UPLOAD_INVALID"]);
  expect((await patch(4, "456789")).json()).toMatchObject({ received: 10, complete: true });
  const started = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    headers: { host },
    payload: early,
  });
  const { id: job } = started.json();
  expect(readFileSync(join(service.folder, "jobs", job, "input", "scan.nii.gz"), "utf8")).toBe(content);
});

test("a file that had arrived in part when the server ended goes on with the next server", async () => {
  const first = await testService();
  const { folder } = first;
  const ask = (service: TestService, method: "POST" | "PATCH" | "GET", url: string, more = {}) =>
    service.app.inject({ method, url, headers: { host }, ...more });
  const payload = { name: "scan.nii.gz", bytes: content.length, sha256 };
  const { id } = (await ask(first, "POST", "/v1/uploads", { payload })).json();
  const part = (service: TestService, from: number, bytes: string) =>
    ask(service, "PATCH", `/v1/uploads/${id}`, {
      payload: Buffer.from(bytes),
      headers: {
        host,
        "content-type": "application/octet-stream",
        "content-range": `bytes ${from}-${from + bytes.length - 1}/${content.length}`,
      },
    });
  await part(first, 0, "0123");
  await first.close(0);
  mkdirSync(join(folder, "uploads", "rubbish"));
  const second = await testService({ folder });
  expect((await ask(second, "GET", `/v1/uploads/${id}`)).json()).toMatchObject({ received: 4 });
  expect((await part(second, 4, "456789")).json()).toMatchObject({ complete: true });
  await second.close(0);
  const third = await testService({ folder });
  const started = await ask(third, "POST", "/v1/jobs", { payload: { model: "organ", uploads: [id] } });
  expect(started.statusCode, started.body).toBe(202);
  const { id: job } = started.json();
  expect(readFileSync(join(folder, "jobs", job, "input", "scan.nii.gz"), "utf8")).toBe(content);
  expect(readdirSync(join(folder, "uploads"))).toEqual([]);
});

test.each([
  {
    when: "while its series arrived",
    crash: (input: string) => {
      renameSync(input, `${input}.arriving`);
      rmSync(join(`${input}.arriving`, "2.dcm"));
    },
  },
  { when: "before its series arrived", crash: (input: string) => rmSync(input, { recursive: true }) },
])("a job is gone, and its folder with it, if the server crashed $when", async ({ crash }) => {
  const first = await testService();
  const { folder } = first;
  const payload = await formOf({ model: "organ" }, { "1.dcm": "1", "2.dcm": "2" });
  const post = (service: TestService) =>
    service.app.inject({
      method: "POST",
      url: "/v1/jobs",
      payload: payload.payload,
      headers: { host, ...payload.headers, "idempotency-key": "k" },
    });
  const { id } = (await post(first)).json();
  await first.close(0);
  crash(join(folder, "jobs", id, "input"));
  const second = await testService({ folder });
  expect(second.engine.jobs).toEqual([]);
  expect(readdirSync(join(folder, "jobs"))).toEqual([]);
  expect((await second.app.inject({ url: `/v1/jobs/${id}`, headers: { host } })).statusCode).toBe(404);
  expect((await post(second)).statusCode).toBe(202);
});

test("a file whose digest is another one is refused and forgotten", async () => {
  const service = await testService();
  const payload = { name: "scan.nii.gz", bytes: 3, sha256 };
  const created = await service.app.inject({
    method: "POST",
    url: "/v1/uploads",
    headers: { host },
    payload,
  });
  const url = `/v1/uploads/${created.json().id}`;
  const headers = { host, "content-type": "application/octet-stream", "content-range": "bytes 0-2/3" };
  const sent = await service.app.inject({ method: "PATCH", url, headers, payload: Buffer.from("abc") });
  expect([sent.statusCode, sent.json().code]).toEqual([400, "UPLOAD_INVALID"]);
  expect((await service.app.inject({ url, headers: { host } })).statusCode).toBe(404);
});

test("results are sent whole, in part, and not again if the client has them", async () => {
  const service = await testService();
  const form = await formOf({ model: "organ" }, { "scan.nii.gz": "v" });
  const answer = await service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload: form.payload,
    headers: { host, ...form.headers },
  });
  const { id } = answer.json();
  const { work } = service.engine.jobs[0]!;
  const path = join(work.outputDir, "stage_0", "prediction.nii.gz");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  const file = { name: "stage_0/prediction.nii.gz", kind: "label-map", stage: 0, bytes: content.length };
  service.engine.report({
    kind: "done",
    id,
    result: { time_elapsed: 1, gpu: null, stages: [], files: [file] },
  });
  const get = (name: string, headers = {}) =>
    service.app.inject({ url: `/v1/jobs/${id}/${name}`, headers: { host, ...headers } });
  const whole = await get("files/stage_0/prediction.nii.gz");
  expect([whole.statusCode, whole.body]).toEqual([200, content]);
  const part = await get("files/stage_0/prediction.nii.gz", { range: "bytes=2-4" });
  expect([part.statusCode, part.body, part.headers["content-range"]]).toEqual([206, "234", "bytes 2-4/10"]);
  const { etag } = whole.headers;
  expect((await get("files/stage_0/prediction.nii.gz", { "if-none-match": etag })).statusCode).toBe(304);
  expect((await get("files/stage_0/prediction.nii.gz", { range: "bytes=99-" })).statusCode).toBe(416);
  // RFC 9110: a range that ends before it begins is invalid, and an invalid range is ignored.
  const invalid = await get("files/stage_0/prediction.nii.gz", { range: "bytes=4-2" });
  expect([invalid.statusCode, invalid.body]).toEqual([200, content]);
  expect((await get("files/../../job.json")).statusCode).toBe(422);
  expect((await get("files/%2e%2e%2f%2e%2e%2fjob.json")).statusCode).toBe(404);
  const zip = await get("archive.zip");
  expect(Number(zip.headers["content-length"])).toBe(zip.rawPayload.length);
  const tail = await get("archive.zip", { range: "bytes=-22" });
  expect(tail.rawPayload).toEqual(zip.rawPayload.subarray(-22));
  expect(tail.rawPayload.readUInt32LE(0)).toBe(0x06054b50);
});
