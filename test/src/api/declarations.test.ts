import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../../src/ground/files/package-root.js";

const dist = join(packageRoot, "dist");

test("the declarations that a program compiles against name no package: types of packages are not installed with ours", () => {
  const packages: string[] = [];
  const files = [join(dist, "src", "api", "api.d.ts"), join(dist, "src", "api", "hooks.d.ts")];
  for (const file of files) {
    for (const name of importsOf(file)) {
      const imported = join(dirname(file), name.replace(/\.js$/, ".d.ts"));
      if (name.startsWith(".")) files.push(...(files.includes(imported) ? [] : [imported]));
      else if (!name.startsWith("node:")) packages.push(`${relative(dist, file)}: ${name}`);
    }
  }
  expect(files.length).toBeGreaterThan(20);
  expect(packages).toEqual([]);
});

function importsOf(file: string): readonly string[] {
  const imports = readFileSync(file, "utf8").matchAll(/\b(?:from|import)\s*\(?"([^"]+)"/g);
  return [...imports].map(([, name]) => name!);
}
