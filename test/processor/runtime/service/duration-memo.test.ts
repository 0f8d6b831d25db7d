import { expect, test } from "vitest";
import { DurationMemo } from "../../../../processor/runtime/service/jobs/duration-memo.js";
import { putJob, temporaryFolder, testService } from "../../../support/service/test-service.js";

const at = (seconds: number) => new Date(seconds * 1000).toISOString();
const job = (model: string, started: number | null = null, ended: number | null = null) => ({
  models: [model],
  started: started === null ? null : at(started),
  ended: ended === null ? null : at(ended),
});

function memo(): DurationMemo {
  const found = new DurationMemo();
  // Only the last 20 count.
  for (let i = 0; i < 5; i++) found.add(job("organ", 0, 1000));
  for (let i = 0; i < 20; i++) found.add(job("organ", 0, i % 2 === 0 ? 8 : 12));
  found.add(job("lesion", 0, 30));
  return found;
}

test("a job that waits starts when those before it have ended, at the mean of the last 20 of their models", () => {
  const running = [{ stored: job("organ", 100) }];
  const before = [{ stored: job("organ") }, { stored: job("lesion") }];
  expect(memo().secondsUntilStart(running, before, new Date(104_000))).toBe(6 + 10 + 30);
  expect(memo().secondsUntilStart([], [], new Date(104_000))).toBe(0);
});

test("two jobs that run at one time halve the wait", () => {
  const running = [{ stored: job("organ", 100) }, { stored: job("lesion", 100) }];
  expect(memo().secondsUntilStart(running, [{ stored: job("organ") }], new Date(110_000))).toBe(
    (0 + 20 + 10) / 2,
  );
});

test("the wait behind a model that has not ended yet is unknown, and a clock that went back makes none negative", () => {
  expect(memo().secondsUntilStart([{ stored: job("new", 100) }], [], new Date(104_000))).toBeNull();
  expect(memo().secondsLeft(job("organ", 100), new Date(999_000))).toBe(0);
});

test("a waiting job says when it starts, also after a restart of the server", async () => {
  const folder = temporaryFolder();
  const host = "localhost";
  const first = await testService({ folder });
  await putJob(first, "ran");
  expect((await putJob(first, "waits")).json().starts_in_s).toBeNull();
  first.engine.finish("ran");
  const shown = async (service: typeof first, id: string) =>
    (await service.app.inject({ url: `/v1/jobs/${id}`, headers: { host } })).json();
  await expect.poll(async () => (await shown(first, "waits")).starts_in_s).toBe(0);
  expect((await shown(first, "ran")).starts_in_s).toBeNull();
  await first.close(0);
  const second = await testService({ folder });
  expect((await putJob(second, "later")).json().starts_in_s).toEqual(expect.any(Number));
});
