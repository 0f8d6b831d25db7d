import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readRecipe } from "../../src/base-image/recipe.js";
import { packageRoot } from "../../src/files/package-root.js";

const timeout = 600_000;

interface PackedFile {
  readonly path: string;
}

describe("the package that `npm pack` makes", () => {
  let folder: string;
  let tarball: string;
  let files: readonly string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "packed-"));
    const out = execFileSync("npm", ["pack", "--json", "--pack-destination", folder], {
      cwd: packageRoot,
      encoding: "utf8",
    });
    // One package: npm writes a list, or since version 11 a table by name.
    const [packed] = Object.values(JSON.parse(out) as object) as [
      { readonly filename: string; readonly files: readonly PackedFile[] },
    ];
    tarball = join(folder, packed.filename);
    files = packed.files.map(({ path }) => path);
  }, timeout);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("holds the program without its tests and without the compiler's notes", () => {
    expect(files).toContain("dist/build_processor.js");
    expect(files.filter((path) => /^dist\/test\/|\.tsbuildinfo$/.test(path))).toEqual([]);
  });

  test("installs with the command of docs/how-to/ci.md, and has the recipe of the clone", {
    timeout,
  }, async () => {
    const install = [
      "install",
      "--global",
      "--prefix",
      folder,
      "--ignore-scripts",
      "--no-audit",
      "--no-fund",
    ];
    execFileSync("npm", [...install, tarball], { cwd: folder, stdio: "pipe" });
    const installed = join(folder, "lib", "node_modules", "nnunet-processor");
    const program = join(folder, "bin", "build_processor");
    const version = spawnSync(program, ["--version"], { cwd: folder, encoding: "utf8" });
    expect(version).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
    const script = `
      const { readRecipe } = await import("${installed}/dist/src/base-image/recipe.js");
      console.log((await readRecipe()).imageName);`;
    const recipe = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
      encoding: "utf8",
    });
    expect(recipe.trim()).toBe((await readRecipe()).imageName);
  });
});
