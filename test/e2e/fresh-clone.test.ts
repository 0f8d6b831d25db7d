import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/ground/files/package-root.js";

// npx keeps its notes on a clone next to npm's cache. They go to a folder of the test; packages come from the user's cache.
describe("a fresh clone", () => {
  let folder: string;
  let clone: string;
  const made = ["node_modules", "dist", "build", "out", ".bench", ".git", ".setup-lock"];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "fresh-clone-"));
    clone = join(folder, "clone");
    cpSync(packageRoot, clone, {
      recursive: true,
      filter: (path) => {
        const below = relative(packageRoot, path);
        return !made.includes(below) && !below.startsWith(join("test", "golden-data"));
      },
    });
    const cache = process.env["npm_config_cache"] ?? join(homedir(), ".npm");
    mkdirSync(join(cache, "_cacache"), { recursive: true });
    mkdirSync(join(folder, "cache"));
    symlinkSync(join(cache, "_cacache"), join(folder, "cache", "_cacache"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function npx(args: readonly string[], cwd = clone) {
    const env = { ...process.env, npm_config_cache: join(folder, "cache") };
    return spawnSync("npx", args, { cwd, env, encoding: "utf8" });
  }

  test("has the executable file that npx links as its command", () => {
    accessSync(join(clone, "bin", "build_processor.js"), constants.X_OK);
  });

  test("sets itself up when its first command runs, and says so on stderr", () => {
    const { status, stdout, stderr } = npx(["build_processor", "--version"]);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(stderr).toMatch(/^setup: installing packages/);
    expect(status).toBe(0);
  });

  test("runs further commands at once, from any folder", () => {
    expect(npx(["build_processor", "--version"]).stderr).toBe("");
    const elsewhere = npx(["--yes", join("..", basename(clone)), "--version"], join(clone, "..", "cache"));
    expect(elsewhere.stderr).toBe("");
    expect(elsewhere.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("compiles again if a source is newer than the program, as after git pull", () => {
    const time = new Date();
    utimesSync(join(clone, "src", "cli", "main.ts"), time, time);
    const { stdout, stderr } = npx(["build_processor", "--version"]);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(stderr).toBe("setup: compiling …\n");
    expect(npx(["build_processor", "--version"]).stderr).toBe("");
  });

  test("has its command also where npx looks if it first saw the clone without its command", () => {
    accessSync(join(clone, "node_modules", ".bin", "build_processor"), constants.X_OK);
  });
});
