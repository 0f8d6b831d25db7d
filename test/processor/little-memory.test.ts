import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { writeImage } from "../../processor/imaging/formats/write-image.js";
import { convertModel } from "../../src/convert/convert-model.js";
import { goldenPath } from "../support/golden.js";
import { testImage } from "../support/images/test-image.js";
import { testSettings } from "../support/model/convert.js";
import { writeConvolutionNetwork } from "../support/model/convolution-network.js";
import { modelIn } from "../support/model/model-in.js";
import { singleModel } from "../support/model/single-model.js";
import { neverStopped } from "../support/never-stopped.js";
import { lastLine, runProcessor } from "../support/programs/run-processor.js";

const scratch = mkdtempSync(join(tmpdir(), "little-memory-"));
const input = join(scratch, "input");
const slices = 8;
/** Enough for Node, whose newer versions set half of it aside. */
const dataLimitKib = 1.5 * 2 ** 20;

beforeAll(async () => {
  mkdirSync(input);
  await writeImage(testImage([slices, 60, 60]), join(input, "scan.nii.gz"));
});

afterAll(() => rmSync(scratch, { recursive: true }));

/** ONNX Runtime computes the convolution on 16 channels, twice: 128 bytes for each of a window's size × size voxels. */
async function writeModel(size: number): Promise<string> {
  const modelDir = join(scratch, `model-${size}`);
  const model = await modelIn(goldenPath("v2", "blobs_2d", "model"));
  await convertModel({
    models: singleModel(model),
    ...{ settings: testSettings, outputDir: modelDir, progress: silentProgress },
    signal: neverStopped(),
  });
  const manifestFile = join(modelDir, "manifest.json");
  const manifest = JSON.parse(readFileSync(manifestFile, "utf8"));
  const [described] = manifest.models;
  const patchSize = [size, size];
  described.plan.patchSize = patchSize;
  described.network.outputChannels = 1;
  described.folds = described.folds.slice(0, 1);
  writeFileSync(manifestFile, JSON.stringify(manifest));
  for (const ending of [".onnx", ".weights"]) rmSync(join(modelDir, `fold_0${ending}`));
  await writeConvolutionNetwork(
    { weight: new Array<number>(9).fill(0.1), bias: [0] },
    { path: join(modelDir, "fold_0"), channels: 1, patchSize, kernel: 3 },
  );
  return modelDir;
}

async function run(modelDir: string) {
  const output = mkdtempSync(join(scratch, "output-"));
  const folders = ["--model-dir", modelDir, "--inputdir", input, "--outputdir", output];
  const ended = await runProcessor([...folders, "--output-extension", "nii.gz"], { dataLimitKib });
  return { ...ended, files: readdirSync(output, { recursive: true }) };
}

test("if fewer windows fit into memory, fewer are computed together and the case is segmented", async () => {
  const { exitCode, out, err, files } = await run(await writeModel(2048));
  expect(err).toBe("");
  expect(exitCode).toBe(0);
  expect(out).toMatch(/scan: memory is too small for 8 windows at once; from here on, 4 are run together/);
  expect(files).toContain(join("images", "scan.nii.gz"));
});

test("if not even one window fits, the case's error says so", async () => {
  const { exitCode, err, files } = await run(await writeModel(6144));
  // If V8 itself runs out of memory, it ends the worker process, and the supervisor reports the error.
  expect(lastLine(err)).toMatch(
    /OUT_OF_MEMORY: (memory is too small for one window of 6144 × 6144 voxels|more memory is needed)/,
  );
  expect(exitCode).toBe(5);
  expect(files.filter((file) => String(file).endsWith(".nii.gz"))).toEqual([]);
});
