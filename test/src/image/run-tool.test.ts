import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, watch } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { runTool } from "../../../src/base-image/run-tool.js";
import { describeWith, needs } from "../../support/needs.js";
import { neverStopped } from "../../support/never-stopped.js";

const common = { failure: "IMAGE_BUILD_FAILED", install: "install it" } as const;

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "run-tool-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describeWith([needs.linux], "a tool that is stopped", () => {
  test("is ended with everything that it has started, and with nothing else, even if it ends its whole group", async () => {
    const folder = scratchFolder();
    // Some tools end the processes that they have started by sending a signal to their own process group.
    const script = `trap 'kill -TERM 0' TERM; sleep 600 & echo $! > pid.new; mv pid.new pid; wait`;
    const stop = new AbortController();
    const appeared = once(watch(folder), "change");
    const run = runTool({ command: "sh", args: ["-c", script], cwd: folder, signal: stop.signal, ...common });
    const outcome = expect(run).rejects.toThrow("stopped by the test");
    await appeared;
    while (!existsSync(join(folder, "pid"))) await new Promise(setImmediate);
    stop.abort(new Error("stopped by the test"));
    await outcome;
    // Its streams are closed a moment before the system calls it ended.
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    await expect.poll(() => isAlive(pid), { timeout: 60_000 }).toBe(false);
  });

  test("is not started if the signal is already aborted", async () => {
    const stop = AbortSignal.abort(new Error("too late"));
    await expect(runTool({ command: "true", args: [], signal: stop, ...common })).rejects.toThrow("too late");
  });
});

test("the error for a tool that fails has the end of its output; that for a missing tool says how to get it", async () => {
  const failing = runTool({
    command: "sh",
    args: ["-c", "echo no mirror >&2; exit 25"],
    ...common,
    signal: neverStopped(),
  });
  await expect(failing).rejects.toMatchObject({
    code: "IMAGE_BUILD_FAILED",
    message: expect.stringMatching(/25.*no mirror/),
  });
  const missing = runTool({ command: "no-such-tool", args: [], ...common, signal: neverStopped() });
  await expect(missing).rejects.toMatchObject({
    code: "TOOL_MISSING",
    message: expect.stringContaining("install it"),
  });
});
