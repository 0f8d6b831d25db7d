import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, onTestFinished, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";
import type { ProgramRun } from "../../support/programs/run-program.js";

const model = join(repositoryRoot, "examples", "brain-tissue", "model");
const images = join(repositoryRoot, "examples", "brain-tissue", "input");
const timeout = 240_000;

function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "surroundings-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Runs a module of the compiled program where no file may become longer than some blocks of 512 or 1024 bytes. */
async function runWithoutSpace(blocks: number, args: readonly string[], cwd: string): Promise<ProgramRun> {
  const child = spawn("sh", ["-c", `ulimit -f ${blocks} && exec "$0" "$@"`, process.execPath, ...args], {
    cwd,
    env: { PATH: process.env["PATH"], HOME: cwd },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, [exitCode]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { exitCode, out, err };
}

const program = join(repositoryRoot, "dist", "build_processor.js");

describe("on a full disk", () => {
  test.each([
    ["predict", ["-i", images, "-o", "out", "--model-dir", model], 0],
    ["convert", ["--model-dir", model, "-o", "converted"], 0],
    ["convert", ["--model-dir", model, "-o", "converted"], 200],
    ["init", ["--model-dir", model], 0],
    ["--context-only", ["--model-dir", model], 200],
  ] as const)(
    "%s %j reports the full disk, with %i blocks left",
    { timeout },
    async (command, args, blocks) => {
      const cwd = scratchFolder();
      const { exitCode, err } = await runWithoutSpace(blocks, [program, command, ...args], cwd);
      expect(err).toMatch(/DISK_FULL/);
      expect(err).not.toMatch(/This is a bug/);
      expect([5, 6]).toContain(exitCode);
    },
  );

  test("a lock that can't be written is not left behind", async () => {
    const cwd = scratchFolder();
    const script = `
      import { withFileLock } from ${JSON.stringify(join(repositoryRoot, "dist/src/download/file-lock.js"))};
      await withFileLock("x.lock", async () => {}, { signal: new AbortController().signal }).catch(({ code }) => console.log(code));`;
    const { out } = await runWithoutSpace(0, ["--input-type=module", "--eval", script], cwd);
    expect(out).toBe("EFBIG\n");
    expect(readdirSync(cwd)).toEqual([]);
  });
});

test("a name with escapes and newlines reaches the terminal as text", { timeout }, async () => {
  const cwd = scratchFolder();
  const input = join(cwd, "input");
  mkdirSync(input);
  const name = "b\n\u001b[31mx";
  writeFileSync(join(input, `${name}_0000.nii.gz`), "not an image");
  const child = spawn(
    process.execPath,
    [program, "predict", "-i", input, "-o", "out", "--model-dir", model, "--step-size", "1"],
    { cwd, stdio: ["ignore", "pipe", "pipe"] },
  );
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  expect(out + err).not.toContain("\u001b");
  expect(out + err).toContain("b\\x0a\\x1b[31mx");
});
