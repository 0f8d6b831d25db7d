import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formOf, putJob, temporaryFolder, testService } from "../../../support/service/test-service.js";

const host = "localhost";
const start = async (service: Awaited<ReturnType<typeof testService>>, headers = {}) => {
  const form = await formOf({ model: "organ" }, { "scan.nii.gz": "voxels" });
  return service.app.inject({
    method: "POST",
    url: "/v1/jobs",
    payload: form.payload,
    headers: { host, ...form.headers, ...headers },
  });
};
const read = async (service: Awaited<ReturnType<typeof testService>>, url: string) =>
  (await service.app.inject({ url, headers: { host } })).json();

describe("a job", () => {
  test("waits, runs and ends, and its files are where the engine looks for them", async () => {
    const service = await testService();
    const answer = await start(service);
    expect(answer.statusCode).toBe(202);
    const { id } = answer.json();
    expect(answer.headers.location).toBe(`/v1/jobs/${id}`);
    expect(answer.json()).toMatchObject({ state: "waiting", position: 0, models: ["organ"] });
    expect(readFileSync(join(service.folder, "jobs", id, "input", "scan.nii.gz"), "utf8")).toBe("voxels");
    const { work } = service.engine.jobs[0]!;
    expect(work.stages).toMatchObject([
      { modelId: "organ", inputs: [{ kind: "study", path: join(service.folder, "jobs", id, "input") }] },
    ]);
    service.engine.report({ kind: "started", id });
    expect(await read(service, `/v1/jobs/${id}`)).toMatchObject({ state: "running", position: null });
    service.engine.finish(id);
    expect(await read(service, `/v1/jobs/${id}`)).toMatchObject({ state: "done", error: null });
  });

  test("is answered when it has ended, if the client prefers to wait", async () => {
    const service = await testService();
    const waiting = start(service, { prefer: "wait=60" });
    await expect.poll(() => service.engine.jobs.length).toBe(1);
    service.engine.finish(service.engine.jobs[0]!.id);
    const answer = await waiting;
    expect([answer.statusCode, answer.json().state]).toEqual([200, "done"]);
  });

  test("with the same key and request is the same job, and another request with the key is refused", async () => {
    const service = await testService();
    const first = await start(service, { "idempotency-key": "k" });
    const again = await start(service, { "idempotency-key": "k" });
    expect([again.statusCode, again.json().id]).toEqual([200, first.json().id]);
    const form = await formOf({ model: "lesion" }, { "scan.nii.gz": "voxels" });
    const other = await service.app.inject({
      method: "POST",
      url: "/v1/jobs",
      payload: form.payload,
      headers: { host, ...form.headers, "idempotency-key": "k" },
    });
    expect([other.statusCode, other.json().code]).toEqual([409, "JOB_EXISTS"]);
    expect(service.engine.jobs).toHaveLength(1);
  });

  test("that is put twice at once under one id runs once", async () => {
    const service = await testService();
    const put = () => putJob(service, "own-id");
    const answers = await Promise.all([put(), put(), put()]);
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([200, 200, 202]);
    expect(service.engine.jobs).toHaveLength(1);
    expect(existsSync(join(service.folder, "jobs", "own-id", "input", "scan.nii.gz"))).toBe(true);
  });

  test("is canceled only when the engine has really stopped", async () => {
    const service = await testService();
    const { id } = (await start(service)).json();
    service.engine.report({ kind: "started", id });
    const cancel = () => service.app.inject({ method: "DELETE", url: `/v1/jobs/${id}`, headers: { host } });
    expect((await cancel()).json().state).toBe("canceling");
    expect(service.engine.canceled).toEqual([id]);
    service.engine.report({ kind: "canceled", id });
    expect((await read(service, `/v1/jobs/${id}`)).state).toBe("canceled");
    const late = await service.app.inject({
      method: "POST",
      url: `/v1/jobs/${id}/cancel`,
      headers: { host },
    });
    expect([late.statusCode, late.json().code]).toEqual([409, "JOB_ENDED"]);
    expect((await cancel()).statusCode).toBe(204);
    expect(existsSync(join(service.folder, "jobs", id))).toBe(false);
  });

  test("that nobody knows is 404", async () => {
    const service = await testService();
    const answer = await service.app.inject({ url: "/v1/jobs/none", headers: { host } });
    expect([answer.statusCode, answer.json().code]).toEqual([404, "JOB_UNKNOWN"]);
  });
});

test("jobs survive the server: those that wait run later, and one that ran is interrupted", async () => {
  const folder = temporaryFolder();
  const before = await testService({ folder });
  const ran = (await start(before)).json().id;
  const waited = (await start(before)).json().id;
  before.engine.report({ kind: "started", id: ran });
  await before.close(0);
  const after = await testService({ folder });
  expect(after.engine.jobs.map(({ id }) => id)).toEqual([waited]);
  expect(await read(after, `/v1/jobs/${ran}`)).toMatchObject({
    state: "interrupted",
    error: { code: "SERVER_RESTARTED" },
  });
  await after.close(0);
});

test("a job that ran when the server died is repeated once with --resume", async () => {
  const folder = temporaryFolder();
  const before = await testService({ folder });
  const { id } = (await start(before)).json();
  before.engine.report({ kind: "started", id });
  await before.close(0);
  const after = await testService({ folder, resumesJobs: true });
  expect(after.engine.jobs.map((job) => job.id)).toEqual([id]);
  after.engine.report({ kind: "started", id });
  await after.close(0);
  const last = await testService({ folder, resumesJobs: true });
  expect(last.engine.jobs).toEqual([]);
  expect((await read(last, `/v1/jobs/${id}`)).state).toBe("interrupted");
});

test("listeners get every event, and those that come back get what they missed", async () => {
  const service = await testService();
  const { id } = (await start(service)).json();
  service.engine.report({ kind: "log", id, line: "the first line" });
  service.engine.finish(id);
  const events = async (last?: string) =>
    (
      await service.app.inject({
        url: `/v1/jobs/${id}/events`,
        headers: { host, ...(last === undefined ? {} : { "last-event-id": last }) },
      })
    ).body;
  const all = await events();
  expect(all.match(/^event: .*$/gm)).toEqual([
    "event: state",
    "event: log",
    "event: state",
    "event: state",
    "event: result",
    "event: end",
  ]);
  expect((await events("4")).match(/^event: .*$/gm)).toEqual(["event: result", "event: end"]);
});
