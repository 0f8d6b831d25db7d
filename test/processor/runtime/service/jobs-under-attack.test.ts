import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { EventLog } from "../../../../processor/runtime/service/jobs/event-log.js";
import { needs, testWith } from "../../../support/needs.js";
import {
  putJob,
  type TestService,
  temporaryFolder,
  testService,
} from "../../../support/service/test-service.js";

const host = "localhost";

const ask = (service: TestService, method: "GET" | "DELETE" | "POST", url: string) =>
  service.app.inject({ method, url, headers: { host } });

/** The folders of jobs on the disk. */
const jobFolders = ({ folder }: TestService) => readdirSync(join(folder, "jobs"));

test("a job that is removed while the same id is sent again is either the old one or a whole new one", async () => {
  const service = await testService();
  for (let round = 0; round < 20; round++) {
    const before = service.engine.jobs.length;
    await putJob(service, "own-id");
    service.engine.finish("own-id");
    await expect.poll(async () => (await ask(service, "GET", "/v1/jobs/own-id")).json().state).toBe("done");
    const [removed, again] = await Promise.all([
      ask(service, "DELETE", "/v1/jobs/own-id"),
      putJob(service, "own-id"),
    ]);
    expect(removed.statusCode).toBe(204);
    if (again.statusCode === 202) {
      expect(existsSync(join(service.folder, "jobs", "own-id", "input", "scan.nii.gz"))).toBe(true);
      service.engine.finish("own-id");
      await expect.poll(async () => (await ask(service, "GET", "/v1/jobs/own-id")).json().state).toBe("done");
      await ask(service, "DELETE", "/v1/jobs/own-id");
    } else {
      expect([again.statusCode, service.engine.jobs.length]).toEqual([200, before + 1]);
    }
    expect(jobFolders(service)).toEqual([]);
  }
});

test("a job that five clients remove at once is removed, and the next start clears what a crash left of one", async () => {
  const folder = temporaryFolder();
  const service = await testService({ folder });
  await putJob(service, "own-id");
  service.engine.finish("own-id");
  await expect.poll(async () => (await ask(service, "GET", "/v1/jobs/own-id")).json().state).toBe("done");
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => ask(service, "DELETE", "/v1/jobs/own-id")),
  );
  for (const { statusCode } of answers) expect([204, 404]).toContain(statusCode);
  expect(jobFolders(service)).toEqual([]);
  await service.close(0);
  mkdirSync(join(folder, "jobs", ".removed-by-a-crash", "input"), { recursive: true });
  expect(jobFolders(await testService({ folder }))).toEqual([]);
});

test("a job that is canceled while its files arrive at their places is canceled, too", async () => {
  const service = await testService();
  const sent = putJob(service, "own-id");
  await expect
    .poll(async () => (await ask(service, "GET", "/v1/jobs/own-id")).statusCode, { interval: 1 })
    .toBe(200);
  const canceled = await ask(service, "DELETE", "/v1/jobs/own-id");
  expect([canceled.statusCode, (await sent).statusCode]).toEqual([200, 202]);
  expect(service.engine.canceled).toEqual(["own-id"]);
});

test("a page of jobs that would begin after one that is gone is refused instead of being the first page", async () => {
  const service = await testService();
  for (const id of ["a", "b", "c"]) await putJob(service, id);
  const { next } = (await ask(service, "GET", "/v1/jobs?limit=1")).json();
  expect(next).toBe("c");
  const second = (await ask(service, "GET", "/v1/jobs?limit=1&after=c")).json();
  expect(second.jobs.map(({ id }: { readonly id: string }) => id)).toEqual(["b"]);
  // The job before the page no longer waits, but the page of those that wait goes on after it.
  service.engine.report({ kind: "started", id: "b" });
  const waiting = (await ask(service, "GET", "/v1/jobs?state=waiting&after=b")).json();
  expect(waiting.jobs.map(({ id }: { readonly id: string }) => id)).toEqual(["a"]);
  const gone = await ask(service, "GET", "/v1/jobs?after=never-was");
  expect([gone.statusCode, gone.json().code]).toEqual([404, "JOB_UNKNOWN"]);
});

test("the error and the log of a job name its files without the server's folders", async () => {
  const service = await testService();
  await putJob(service, "own-id");
  const folder = join(service.folder, "jobs", "own-id");
  service.engine.report({ kind: "log", id: "own-id", line: `reading ${folder}/input/scan.nii.gz` });
  const message = `${folder}/input/scan.nii.gz: ends early; ${folder}/output/stage_0 is empty; no case in ${folder}/input`;
  service.engine.report({
    kind: "failed",
    id: "own-id",
    error: { code: "IMAGE_TRUNCATED", message, help: "-" },
  });
  const answer = await ask(service, "GET", "/v1/jobs/own-id/events");
  const job = (await ask(service, "GET", "/v1/jobs/own-id")).json();
  expect(job.error.message).toBe("scan.nii.gz: ends early; stage_0 is empty; no case in the upload");
  expect(answer.body).toContain('"reading scan.nii.gz"');
  expect(answer.body).not.toContain(service.folder);
});

test("a fault of the program in a job is in the log, and clients do not see its place in the program", async () => {
  const service = await testService();
  await putJob(service, "own-id");
  const message = "TypeError: x is undefined\n    at file:///opt/nnunet-processor/run.js:1:1";
  service.engine.report({
    kind: "failed",
    id: "own-id",
    error: { code: "BUG", message, help: "Report it." },
  });
  const { error } = (await ask(service, "GET", "/v1/jobs/own-id")).json();
  expect(error).toEqual({
    code: "BUG",
    message: "the server has a fault",
    help: "The server's log says more.",
  });
  expect(service.logLines.join("")).toContain("run.js:1:1");
});

describe("the events of a job", () => {
  test("have no head that could be asked for alone, because it would not come before the job's end", async () => {
    const service = await testService();
    await putJob(service, "own-id");
    const answer = await service.app.inject({
      method: "HEAD",
      url: "/v1/jobs/own-id/events",
      headers: { host },
    });
    expect([answer.statusCode, answer.headers["allow"]]).toEqual([405, "GET"]);
  });

  const waiting = (position: number) => ({ kind: "state", data: { state: "waiting", position } }) as const;

  test("keep only the last of its places in the queue, and nothing is missing", () => {
    const log = new EventLog();
    for (let position = 5000; position >= 0; position--) log.add(waiting(position));
    const after = log.after(0);
    expect(after).toEqual([{ number: 5001, event: waiting(0) }]);
    log.add({ kind: "log", data: { line: "begun" } });
    expect(log.after(5001)).toEqual([{ number: 5002, event: { kind: "log", data: { line: "begun" } } }]);
  });

  test("that are lost are reported as a gap", () => {
    const log = new EventLog();
    for (let i = 0; i < 1100; i++) log.add({ kind: "log", data: { line: String(i) } });
    expect(log.after(0)[0]).toBeNull();
    expect(log.after(76)[0]).toMatchObject({ number: 77 });
    expect(log.after(75)[0]).toBeNull();
  });

  test.each([
    { number: "57", what: "from before a restart" },
    { number: "3", what: "of the end itself" },
  ])("end also for a listener who comes back with a number $what", async ({ number }) => {
    const folder = temporaryFolder();
    const before = await testService({ folder });
    await putJob(before, "own-id");
    before.engine.finish("own-id");
    await expect.poll(async () => (await ask(before, "GET", "/v1/jobs/own-id")).json().state).toBe("done");
    await before.close(0);
    const after = await testService({ folder });
    const headers = { host, "last-event-id": number };
    const { body } = await after.app.inject({ url: "/v1/jobs/own-id/events", headers });
    expect(body.match(/^event: .*$/gm)).toEqual([
      "event: gap",
      "event: state",
      "event: result",
      "event: end",
    ]);
  });
});

/** Starts a service on a disk of half a megabyte, with a file that fills the rest of it. */
async function serviceOnFullDisk() {
  const folder = temporaryFolder();
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=512k", "tmpfs", folder]);
  onTestFinished(() => void execFileSync("umount", [folder]));
  const service = await testService({ folder });
  const filler = join(folder, "filler");
  return {
    service,
    fill: () => {
      try {
        writeFileSync(filler, Buffer.alloc(1 << 20));
      } catch {
        // It is as large as the disk allows.
      }
    },
    free: () => rmSync(filler),
  };
}

testWith(
  [needs.mount],
  "on a full disk, a job and an upload are refused and leave nothing, and the client's upload stays",
  async () => {
    const { service, fill, free } = await serviceOnFullDisk();
    const payload = { name: "scan.nii", bytes: 4 };
    const upload = () =>
      service.app.inject({ method: "POST", url: "/v1/uploads", headers: { host }, payload });
    const { id } = (await upload()).json();
    const headers = { host, "content-type": "application/octet-stream", "content-range": "bytes 0-3/4" };
    await service.app.inject({ method: "PATCH", url: `/v1/uploads/${id}`, payload: "abcd", headers });
    fill();
    const job = { model: "organ", uploads: [id] };
    const start = () =>
      service.app.inject({ method: "POST", url: "/v1/jobs", headers: { host }, payload: job });
    for (const answer of [await start(), await putJob(service, "own-id"), await upload()]) {
      expect([answer.statusCode, answer.json().code], answer.body).toEqual([507, "DISK_FULL"]);
      expect(answer.body).not.toContain(service.folder);
    }
    expect(jobFolders(service)).toEqual([]);
    expect(readdirSync(join(service.folder, "uploads"))).toEqual([id]);
    expect(service.engine.jobs).toEqual([]);
    free();
    expect((await start()).statusCode).toBe(202);
  },
);

testWith([needs.mount], "on a full disk, a running job can be canceled", async () => {
  const { service, fill, free } = await serviceOnFullDisk();
  await putJob(service, "own-id");
  service.engine.report({ kind: "started", id: "own-id" });
  fill();
  const canceled = await ask(service, "POST", "/v1/jobs/own-id/cancel");
  expect([canceled.statusCode, canceled.json().state]).toEqual([200, "canceling"]);
  expect(service.engine.canceled).toEqual(["own-id"]);
  free();
});
