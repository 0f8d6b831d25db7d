import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { withFileLock } from "../../../src/download/file-lock.js";
import { neverStopped } from "../../support/never-stopped.js";

let folder = "";
let lockFile = "";

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "file-lock-"));
  lockFile = join(folder, "x.lock");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a file lock", () => {
  test("admits one process at a time", async () => {
    let inside = 0;
    let most = 0;
    const visit = () =>
      withFileLock(
        lockFile,
        async () => {
          most = Math.max(most, ++inside);
          await readdir(folder);
          inside--;
        },
        { signal: neverStopped() },
      );
    await Promise.all([visit(), visit(), visit()]);
    expect(most).toBe(1);
    expect(await readdir(folder)).toEqual([]);
  });

  test("is released after a failure", async () => {
    await expect(
      withFileLock(lockFile, () => Promise.reject(new Error("no")), { signal: neverStopped() }),
    ).rejects.toThrow("no");
    expect(await withFileLock(lockFile, async () => "again", { signal: neverStopped() })).toBe("again");
  });

  test("of a process that has ended is taken over immediately", async () => {
    const goneProcess = 2 ** 22 + 1; // above the largest process id of Linux and macOS
    await writeFile(lockFile, JSON.stringify({ pid: goneProcess, host: hostname(), token: "x" }));
    let waited = false;
    await withFileLock(lockFile, async () => {}, {
      onWait: () => {
        waited = true;
      },
      signal: neverStopped(),
    });
    expect(waited).toBe(false);
  });

  test("reports once that it waits, and stops waiting when aborted", async () => {
    await writeFile(lockFile, JSON.stringify({ pid: process.pid, host: hostname(), token: "x" }));
    const stop = new AbortController();
    let waits = 0;
    const onWait = () => {
      waits++;
      stop.abort();
    };
    await expect(
      withFileLock(lockFile, async () => {}, { signal: stop.signal, onWait }),
    ).rejects.toMatchObject({ code: "INTERRUPTED" });
    expect(waits).toBe(1);
    expect(await readdir(folder)).toEqual(["x.lock"]);
  });
});
