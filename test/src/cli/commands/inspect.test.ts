import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { inspectionText } from "../../../../src/cli/inspection-text.js";
import { main } from "../../../../src/cli/main.js";
import type {
  CheckpointInspection,
  ImageInspection,
  ModelsInspection,
} from "../../../../src/inspect/inspection.js";
import { goldenPath, repositoryRoot } from "../../../support/golden.js";
import { scratchFolder } from "../../../support/oci/oci-scratch.js";
import { testTerminal } from "../../../support/programs/test-terminal.js";

test("inspect prints one aligned block for each configuration", async () => {
  const terminal = testTerminal(goldenPath("v2", "blobs_2d"));
  expect(await main(["inspect", "model"], terminal)).toBe(0);
  const [head, block] = terminal.printed.out.split("\n\n");
  expect(head).toMatch(/^model\n {2}contains {2}1 trained configuration\n {2}size {6}[\d.]+ MB$/);
  const lines = block!.trimEnd().split("\n");
  expect(lines[0]).toBe("Dataset501_Blobs 2d");
  const values = lines.slice(1).map((line) => /^ {2}\S.*? {2,}|^ +/.exec(line)![0].length);
  expect(new Set(values).size).toBe(1);
  expect(block).toMatch(/\n {2}network +PlainConvUNet\n/);
});

test("inspect of a MONAI bundle says what its transforms do to intensities, and names no version of nnU-Net", async () => {
  const terminal = testTerminal(goldenPath("monai", "spleen_unet"));
  expect(await main(["inspect", "bundle"], terminal)).toBe(0);
  const { out } = terminal.printed;
  expect(out).toMatch(/\n {2}made with +MONAI bundle, inference\.json\n/);
  expect(out).toMatch(/\n {2}channels +0 {2}CT {2}\(ScaleIntensityRanged\)\n/);
  expect(out).toMatch(
    /\n {2}before +orientation RAS; spacing .* mm \(x, y, z\); intensities -?\d+ to \d+ → 0 to 1, cut off/,
  );
  expect(out).not.toMatch(/nnU-Net|NoNormalization/);
});

test("inspect --json prints what inspection.ts describes", async () => {
  const terminal = testTerminal(scratchFolder());
  const modelDir = goldenPath("v2", "blobs_2d", "model");
  expect(await main(["inspect", modelDir, "--json"], terminal)).toBe(0);
  const inspection = JSON.parse(terminal.printed.out) as ModelsInspection;
  expect(inspection).toMatchObject({ inspectionVersion: 1, kind: "models", source: modelDir });
  expect(inspection.models).toHaveLength(1);
});

test("inspect of a name that does not exist exits with 3, and says that without an engine no image could be found either", async () => {
  const terminal = testTerminal(scratchFolder());
  expect(await main(["inspect", "team/none:1"], terminal)).toBe(3);
  expect(terminal.printed.err).toMatch(/no image team\/none:1 was found \(no Docker engine answers at/);
  expect(terminal.printed.err).not.toContain("there is no");
});

test("inspect suggests a similar path", async () => {
  const folder = scratchFolder();
  mkdirSync(join(folder, "nnUNet_results"));
  const terminal = testTerminal(folder);
  expect(await main(["inspect", "nnUNet_resultz"], terminal)).toBe(3);
  expect(terminal.printed.err).toContain(`; did you mean ${join(folder, "nnUNet_results")}?`);
});

test("inspect reads an ONNX file", async () => {
  const terminal = testTerminal(join(repositoryRoot, "test", "fixtures", "onnx"));
  expect(await main(["inspect", "dynamic.onnx"], terminal)).toBe(0);
  expect(terminal.printed.out).toMatch(/\n {2}inputs +image {2}batch × 2 × z × y × x {2}float32\n/);
});

test("inspect names the folder of a model whose plans cannot be read, and names the file once", async () => {
  const cwd = scratchFolder();
  const plans = join(cwd, "liver", "plans.json");
  cpSync(goldenPath("v2", "blobs_2d", "model"), join(cwd, "liver"), { recursive: true });
  rmSync(plans);
  mkdirSync(plans);
  const terminal = testTerminal(cwd);
  await main(["inspect", "liver"], terminal);
  expect(terminal.printed.out.split("\n\n")[1]).toMatch(/^liver \w+\n/);
  expect(terminal.printed.out.split(plans)).toHaveLength(2);
});

test("inspect does not read a manifest longer than any converted model has", async () => {
  const cwd = scratchFolder();
  mkdirSync(join(cwd, "converted"));
  writeFileSync(join(cwd, "converted", "manifest.json"), "");
  truncateSync(join(cwd, "converted", "manifest.json"), 65 << 20);
  const terminal = testTerminal(cwd);
  expect(await main(["inspect", "converted"], terminal)).not.toBe(0);
  expect(terminal.printed.err).toMatch(
    /MANIFEST_INVALID: \S+manifest\.json: it has \d+ bytes, and is longer than/,
  );
});

test("a digest has a line of its own, which fits a terminal of 80 columns", () => {
  const image: ImageInspection = {
    ...{ inspectionVersion: 1, source: "a:1", sizeBytes: 1, kind: "image", imageName: "a:1" },
    ...{
      imageId: `sha256:${"0".repeat(64)}`,
      platform: "linux/amd64",
      created: null,
      processorVersion: null,
    },
    ...{
      baseImage: null,
      settings: null,
      models: [],
      totalsegmentator: null,
      postProcessingSteps: null,
      problems: [],
    },
  };
  const text = inspectionText(image);
  expect(text).toContain(`\n  digest\n    ${image.imageId}\n  platform  linux/amd64\n`);
  for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
});

test("names from a file cannot send control characters to the terminal", () => {
  const checkpoint: CheckpointInspection = {
    ...{ inspectionVersion: 1, source: "a\u001b[2Jb", sizeBytes: 1, kind: "checkpoint", format: "zip" },
    ...{ nnunetVersion: 2, trainer: "nnUNet\u001b]0;title\u0007\u009bTrainer", configuration: "2d" },
    ...{ datasetName: null, fold: null, epoch: null, mirrorAxes: null, tensors: 1, parameters: 1 },
    problems: [],
  };
  expect(inspectionText(checkpoint).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});
