import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { testTerminal } from "../../support/programs/test-terminal.js";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "gpu-arch-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function build(...flags: readonly string[]) {
  const terminal = testTerminal(folder, { XDG_CACHE_HOME: join(folder, "cache") });
  const model = goldenPath("v2", "cascade_3d_lowres", "model");
  const argv = ["--model-dir", model, "--context-only", "--build-dir", "context", ...flags];
  return { exitCode: await main(argv, terminal), err: terminal.printed.err };
}

const baseName = () => /^FROM (\S+)/m.exec(readFileSync(join(folder, "context", "Dockerfile"), "utf8"))![1]!;

test.each([
  { flags: ["--device", "cuda"], json: {}, base: /:cuda13-node/ },
  { flags: ["--device", "cuda", "--gpu-arch", "8.6"], json: {}, base: /:cuda13-sm86-node/ },
  { flags: ["--device", "cuda", "--gpu-arch", "8.0,9.0"], json: {}, base: /:cuda13-sm80-90-node/ },
  { flags: [], json: { device: "cuda", gpu_arch: ["8.9", "12.0"] }, base: /:cuda13-sm89-120-node/ },
  {
    flags: ["--gpu-arch", "7.5"],
    json: { device: "cuda", gpu_arch: "8.9", cuda: "12" },
    base: /:cuda12-sm75-node/,
  },
  {
    flags: ["--target", "amos22"],
    json: { device: "cuda", amos22: { team: "team" } },
    base: /:cuda13-sm86-node/,
  },
  { flags: ["--target", "amos22"], json: { amos22: { team: "team" } }, base: /:cpu-node/ },
])("config.json $json with $flags is built on $base", async ({ flags, json, base }) => {
  writeFileSync(join(folder, "config.json"), JSON.stringify(json));
  const { exitCode, err } = await build(...flags);
  expect(exitCode, err).toBe(0);
  expect(baseName()).toMatch(base);
});

test.each([
  { flags: ["--gpu-arch", "8.6"], says: "it needs --device cuda" },
  {
    flags: ["--device", "cuda", "--gpu-arch", "sm_86"],
    says: 'compute capabilities such as 8.6, not "sm_86"',
  },
  { flags: ["--device", "cuda", "--gpu-arch", "7.0"], says: "no code for this compute capability" },
])("$flags is refused, because $says", async ({ flags, says }) => {
  const { exitCode, err } = await build(...flags);
  expect(exitCode).toBe(2);
  expect(err).toContain(says);
});
