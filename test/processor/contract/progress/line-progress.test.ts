import { describe, expect, test } from "vitest";
import { createLineProgress, progressText } from "../../../../processor/contract/progress/line-progress.js";
import type { ProgressTaskOptions } from "../../../../processor/contract/progress/progress.js";

const task: ProgressTaskOptions = { label: "case_1: predicting", total: 40, unit: "windows" };

/** Advances a task of 40 units at these milliseconds, one unit each. */
function linesOf(atMs: readonly number[]): readonly string[] {
  const lines: string[] = [];
  let clock = 0;
  const progress = createLineProgress({ write: (line) => void lines.push(line), now: () => clock });
  const running = progress.start(task);
  for (const at of atMs) {
    clock = at;
    running.advance(1);
  }
  running.done();
  return lines;
}

describe("progress in a log", () => {
  test("says nothing about tasks that end quickly", () => {
    expect(linesOf([100, 500, 1900])).toEqual([]);
  });

  test("adds a line at most every five seconds, with the remaining time", () => {
    expect(linesOf([1000, 2000, 3000, 6900, 7000, 11_000, 12_000])).toEqual([
      "case_1: predicting 2 of 40 windows (5 %), 38 s left",
      "case_1: predicting 5 of 40 windows (12 %), 49 s left",
      "case_1: predicting 7 of 40 windows (17 %), 57 s left",
    ]);
  });

  test("passes notes on at once", () => {
    const lines: string[] = [];
    createLineProgress({ write: (line) => void lines.push(line), now: () => 0 }).note("a warning");
    expect(lines).toEqual(["a warning"]);
  });
});

describe("a line of progress", () => {
  test.each([
    ["long times in minutes", { done: 2, seconds: 20 }, "(5 %), 6 min left"],
    ["very long ones in hours", { done: 2, seconds: 600 }, "(5 %), 3.2 h left"],
    ["no time before enough is done to know it", { done: 1, seconds: 300 }, "1 of 40 windows (2 %)"],
    ["less time when some went by", { done: 20, seconds: 60, secondsSince: 20 }, "(50 %), 40 s left"],
    [
      "more time when more went by than was left",
      { done: 20, seconds: 60, secondsSince: 80 },
      "(50 %), 2 min left",
    ],
    ["the end", { done: 40, seconds: 3 }, "(100 %), 0 s left"],
  ])("shows %s", (_, at, end) => {
    expect(progressText(task, at).endsWith(end)).toBe(true);
  });

  test("estimates the time from what was done since the start, and counts what was done before", () => {
    const rest: ProgressTaskOptions = { label: "training", total: 3, before: 1, unit: "epochs" };
    expect(progressText(rest, { done: 1, seconds: 38 })).toBe("training 2 of 3 epochs (66 %), 38 s left");
  });

  test("counts bytes in megabytes, and only what is known", () => {
    const bytes: ProgressTaskOptions = { label: "download", unit: "bytes" };
    expect(progressText(bytes, { done: 12_345_678, seconds: 5 })).toBe("download 12.3 MB");
  });
});
