import { describe, expect, test } from "vitest";
import { runsOn } from "../../../processor/contract/gpu-requirements.js";
import { planBaseImage } from "../../../src/base-image/base-image-plan.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { chooseVariant, readVersions } from "../../../src/base-image/variants.js";

const table = readVersions();

describe.each(["cuda12", "cuda13"] as const)("the recipe of %s", (variant) => {
  test("has the execution provider in the exact version of ONNX Runtime for Node, next to its library", async () => {
    const { versions, wheels, packages } = await readRecipe(variant);
    expect(versions["onnxruntime-gpu"]).toBe(versions["onnxruntime-node"]);
    expect(table.variants[variant].onnxruntime).toBe(versions["onnxruntime-node"]);
    const library = packages["onnxruntime-node"]!["bin/napi-v6/linux/x64"];
    const provider = wheels.find(({ name }) => name === "onnxruntime-gpu")!;
    for (const name of ["cuda", "shared"])
      expect(Object.values(provider.files)).toContain(`${library}/libonnxruntime_providers_${name}.so`);
  });

  test("pins every wheel by digest and size, and takes its licence and only files that are loaded", async () => {
    const { wheels } = await readRecipe(variant);
    for (const { name, version, file, sha256, bytes, licence, files } of wheels) {
      expect(file, name).toContain(`${name.replaceAll("-", "_")}-${version}-`);
      expect(sha256, name).toMatch(/^[0-9a-f]{64}$/);
      expect(bytes, name).toBeGreaterThan(0);
      expect(licence, name).not.toBe("");
      expect(
        Object.keys(files).some((path) => /licen[cs]e/i.test(path)),
        name,
      ).toBe(true);
      expect(Object.keys(files).join(" "), name).not.toMatch(/\.a\b|\.h\b|_adv|tensorrt|static|\.alt\./);
    }
    expect(new Set(wheels.flatMap(({ files }) => Object.values(files))).size).toBe(
      wheels.flatMap(({ files }) => Object.values(files)).length,
    );
  });

  test("agrees with the table on cuDNN and licences", async () => {
    const { wheels, gpu } = await readRecipe(variant);
    const licences = [...new Set(["Apache-2.0", ...wheels.map(({ licence }) => licence)])]
      .sort()
      .join(" AND ");
    expect(table.variants[variant].licences).toBe(licences);
    const cudnn = wheels.find(({ name }) => name.startsWith("nvidia-cudnn"))!;
    expect(cudnn.version.startsWith(`${gpu!.cudnn}.`)).toBe(true);
    expect(gpu!.cuda.startsWith(variant.replace("cuda", ""))).toBe(true);
  });

  test("gives an image whose labels name the driver and GPU that it needs, and which checks them at the start", async () => {
    const recipe = await readRecipe(variant);
    const { labels, env, layers } = planBaseImage({
      ...{ recipe, wheelLayers: [], packageFiles: {}, rootFiles: [], processorFiles: [] },
      ...{ version: "1.2.3", base: { kind: "image", imageName: "debian" } },
    });
    expect(recipe.imageName).toMatch(new RegExp(`^nnunet-processor-base:${variant}-node[^:]+$`));
    expect(labels).toMatchObject({
      "org.nnunet-processor.base-variant": variant,
      "org.nnunet-processor.gpu.minimum-driver": recipe.gpu!.minimumDriver,
      "org.opencontainers.image.licenses": "Apache-2.0 AND LicenseRef-NVIDIA-Proprietary AND MIT",
    });
    expect(env).toMatchObject({
      NVIDIA_VISIBLE_DEVICES: "all",
      NVIDIA_DRIVER_CAPABILITIES: "compute,utility",
    });
    const requirements = layers
      .flatMap(({ entries }) => entries)
      .find(({ path }) => path === "opt/nnunet-processor/gpu-requirements.json");
    if (requirements?.kind !== "file" || !("text" in requirements.source)) throw new Error("no text");
    expect(JSON.parse(requirements.source.text)).toEqual(recipe.gpu);
  });
});

test.each([
  { device: "cpu", cuda: null, variant: "cpu" },
  { device: "auto", cuda: "12", variant: "cpu" },
  { device: "cuda", cuda: null, variant: `cuda${table.defaultCuda}` },
  { device: "cuda", cuda: "12", variant: "cuda12" },
] as const)("device $device with cuda $cuda uses the base image $variant", ({ device, cuda, variant }) => {
  expect(chooseVariant(device, cuda)).toBe(variant);
});

test("an image for CPUs has no label about GPUs and needs none", async () => {
  const recipe = await readRecipe("cpu");
  const { labels, env } = planBaseImage({
    ...{ recipe, wheelLayers: [], packageFiles: {}, rootFiles: [], processorFiles: [] },
    ...{ version: "1.2.3", base: { kind: "image", imageName: "debian" } },
  });
  expect(Object.keys(labels).filter((key) => key.includes(".gpu."))).toEqual([]);
  expect(env).not.toHaveProperty("NVIDIA_VISIBLE_DEVICES");
  expect(labels["org.opencontainers.image.licenses"]).toBe("Apache-2.0 AND BSD-3-Clause AND MIT");
});

test.each([
  { variant: "cuda13", wanted: ["8.6"], capabilities: ["8.6"], ptx: null },
  { variant: "cuda13", wanted: ["9.0", "8.7", "9.0"], capabilities: ["8.6", "9.0"], ptx: null },
  { variant: "cuda12", wanted: ["8.9"], capabilities: ["8.6"], ptx: null },
  { variant: "cuda12", wanted: ["10.0"], capabilities: ["9.0"], ptx: "9.0" },
] as const)("$variant for $wanted keeps the code of $capabilities", async (row) => {
  const { gpu, wheels, imageName } = await readRecipe(row.variant, "linux/amd64", row.wanted);
  const { imageName: everyGpu } = await readRecipe(row.variant);
  expect(gpu).toMatchObject({ computeCapabilities: row.capabilities, ptx: row.ptx });
  for (const capability of row.wanted) expect(runsOn(gpu!, capability)).toBe(true);
  expect(imageName).not.toBe(everyGpu);
  const cut = wheels.filter(({ cuttable = [] }) => cuttable.length > 0);
  expect(cut.map(({ name, licence }) => `${name} ${licence}`)).toEqual(["onnxruntime-gpu MIT"]);
  expect(cut[0]!.keptCapabilities).toEqual(row.capabilities);
  expect(wheels.some(({ name }) => name.startsWith("nvidia-curand"))).toBe(row.variant === "cuda12");
});

test("a GPU that an image has no code for is refused with the GPUs that it has code for", async () => {
  await expect(readRecipe("cuda13", "linux/amd64", ["7.0"])).rejects.toMatchObject({
    code: "USAGE",
    message:
      "--gpu-arch 7.0: the base image cuda13 has no code for this compute capability, only for 7.5, 8.0, 8.6, 8.9, 9.0, 12.0",
  });
  await expect(readRecipe("cpu", "linux/amd64", ["8.6"])).rejects.toMatchObject({ code: "USAGE" });
});
