import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { readRecipe } from "../../src/base-image/recipe.js";
import { findImage } from "../../src/docker/find-image.js";
import {
  describeWithEngine,
  layerDigests,
  removeImage,
  runContained,
  testEngine,
} from "../support/docker/docker.js";
import { goldenPath } from "../support/golden.js";
import { compareSegmentations } from "../support/images/compare-segmentations.js";
import { runProgram } from "../support/programs/run-program.js";

/** The execution provider of CUDA 13 links the driver's library; that of CUDA 12 opens it by name when it is used. */
const driver = "libcuda.so.1 => not found";

const variants = [
  { flags: ["--cuda", "13"], recipe: await readRecipe("cuda13"), missing: [driver] },
  {
    flags: ["--cuda", "13", "--gpu-arch", "8.6"],
    recipe: await readRecipe("cuda13", "linux/amd64", ["8.6"]),
    missing: [driver],
  },
  { flags: ["--cuda", "12"], recipe: await readRecipe("cuda12"), missing: [] },
] as const;

const hasImage = (imageName: string): Promise<boolean> =>
  Promise.resolve()
    .then(async () => (await findImage(testEngine(), imageName)) !== null)
    .catch(() => false);

for (const variant of variants)
  describeWithEngine(
    `an image for GPUs with ${variant.flags.join(" ")}, on a machine without one`,
    () => testsOf(variant),
    // The image has at least 1.3 GB of libraries, so that no test builds it.
    [
      {
        what: `the base image ${variant.recipe.imageName}`,
        remedy: `npx --no-install build_processor base-image --device cuda ${variant.flags.join(" ")}`,
        isMet: await hasImage(variant.recipe.imageName),
        isRequiredInCi: false,
      },
    ],
  );

function testsOf({ flags: ofVariant, recipe, missing }: (typeof variants)[number]): void {
  const imageName = `nnunet-processor-test/cuda:${ofVariant.join("").replaceAll("-", "")}`;
  const scratch = mkdtempSync(join(tmpdir(), "cuda-image-"));
  const [input, output] = [join(scratch, "in"), join(scratch, "out")];

  beforeAll(async () => {
    mkdirSync(input);
    mkdirSync(output);
    chmodSync(output, 0o777); // the container runs as another user
    const golden = goldenPath("v2", "cascade_3d_lowres", "input", "cas_007_0000.nii.gz");
    await writeImage(await readImage(golden), join(input, "case.mha"));
    await build(imageName);
  }, 600_000);

  async function build(tag: string, ...flags: readonly string[]): Promise<void> {
    const model = goldenPath("v2", "cascade_3d_lowres", "model");
    const command = ["--model-dir", model, "--tag", tag, "--device", "cuda", ...ofVariant, ...flags];
    const built = await runProgram(command, { cwd: scratch });
    expect(built.exitCode, built.err).toBe(0);
  }

  afterAll(async () => {
    await removeImage(imageName);
    await removeImage(`${imageName}-docker`);
    rmSync(scratch, { recursive: true });
  });

  test("finds every library but the driver's", async () => {
    const list = `for f in /opt/nnunet-processor/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/* \
      /usr/lib/x86_64-linux-gnu/lib*.so*; do LD_TRACE_LOADED_OBJECTS=1 /lib64/ld-linux-x86-64.so.2 $f; done`;
    const { output: listed } = await runContained(imageName, {
      input,
      output,
      command: ["/bin/sh", "-c", list],
    });
    expect(listed).toMatch(/libcublasLt\.so\.1\d => \/lib/);
    const found = listed.split(/\r?\n/).filter((line) => line.includes("not found"));
    expect([...new Set(found.map((line) => line.trim()))]).toEqual(missing);
  });

  test("without a GPU, ends with one sentence that says what to do instead of using the CPU", async () => {
    const run = await runContained(imageName, { input, output });
    expect(run.exitCode).toBe(5);
    const last = run.output.trim().split(/\r?\n/).at(-1);
    expect(last).toMatch(/^DEVICE_MISSING: .*\(libcuda\.so\.1 is missing\).*--gpus all/);
    expect(run.output).not.toContain("predicting");
  });

  test("gives nnU-Net's answer with the GPU's graphs when it is told to use the CPU", async () => {
    const args = ["--device", "cpu", "--precision", "float16", "--use-tta"];
    const run = await runContained(imageName, { input, output, args });
    expect(run.exitCode, run.output).toBe(0);
    expect(run.output).toMatch(
      /the network runs on CPUExecutionProvider \(ONNX Runtime [\d.]+\), in float16/,
    );
    const expected = goldenPath("v2", "cascade_3d_lowres", "expected", "cas_007", "seg_tta.nii.gz");
    const { dice } = await compareSegmentations(join(output, "images", "case.mha"), expected);
    for (const [label, value] of Object.entries(dice)) expect(value, `label ${label}`).toBeGreaterThan(0.999);
  });

  test("has CUDA in layers of the base, below code and weights, if Docker has built it", async () => {
    await build(`${imageName}-docker`, "--builder", "docker");
    const [base, image] = [await layerDigests(recipe.imageName), await layerDigests(`${imageName}-docker`)];
    expect(image.slice(0, base.length)).toEqual(base);
    expect(image.length).toBeGreaterThan(base.length);
  });

  test("states in labels which driver and GPU it needs", async () => {
    const labels = (await findImage(testEngine(), imageName))?.labels;
    expect(labels?.["org.nnunet-processor.gpu.minimum-driver"]).toBe(recipe.gpu!.minimumDriver);
    expect(labels?.["org.nnunet-processor.gpu.compute-capabilities"]).toMatch(
      new RegExp(`^${recipe.gpu!.computeCapabilities.join(" ")}(?: 9.0\\+PTX)?$`),
    );
  });
}
