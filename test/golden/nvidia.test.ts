import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { stackChannels } from "../../processor/imaging/formats/stack-channels.js";
import { identityDirection } from "../../processor/imaging/volume/geometry.js";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { openNetworks } from "../../processor/runtime/inference/networks.js";
import type { Prepared } from "../../processor/runtime/preprocess/prepared.js";
import { preprocess } from "../../processor/runtime/preprocess/preprocess.js";
import { joinBratsFiles } from "../../processor/runtime/segment/join-brats-files.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { noNvidiaOptions } from "../../src/checkpoint/nvidia/nvidia-options.js";
import { convertModel } from "../../src/convert/convert-model.js";
import { difference, goldenPath, readNpyGz } from "../support/golden.js";
import { testSettings } from "../support/model/convert.js";
import { collectLogits, predictOptions } from "../support/model/inference-case.js";
import { type NvidiaCase, nvidiaCases, nvidiaModels, withNvidiaCase } from "../support/model/nvidia-case.js";
import { predictWith } from "../support/model/predict.js";
import { readNpz } from "../support/model/read-npz.js";
import { describeWith, needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";

const minutes = 60_000;
const pool = openPool();
afterAll(() => pool.close());

describe("preprocessing gives the network the same values as NVIDIA's", () => {
  test.each(nvidiaCases)("%s", (name) =>
    withNvidiaCase(name, async (found) => {
      const prepared = await prepare(found);
      const expected = readNpyGz(join(found.expectedDir, "case_x.npy.gz"));
      expect([prepared.channelCount, ...prepared.sizeZyx]).toEqual(expected.shape);
      // The file's values are rounded to 12 bits, which is up to 5e-4 for the largest ones.
      expect(difference(prepared.data, expected.data).max).toBeLessThanOrEqual(1e-3);
      const { cropBoxZyx, sizeBeforeCroppingZyx, sizeAfterCroppingZyx } = prepared.history;
      const corners = [cropBoxZyx.map(([from]) => from), cropBoxZyx.map(([, to]) => to)];
      expect([...corners, sizeBeforeCroppingZyx, sizeAfterCroppingZyx]).toEqual(found.expected.meta);
    }),
  );
});

describe("the sliding window adds up to NVIDIA's logits", () => {
  test.each(nvidiaCases)("%s", (name) => expectLogits(name, "onnxruntime"));
});

describeWith([needs.openvino], "OpenVINO adds up to NVIDIA's logits", () => {
  test.each(nvidiaCases)("%s", (name) => expectLogits(name, "openvino"));
});

describe("a case from file to file gives NVIDIA's segmentation", () => {
  test.each(nvidiaCases)("%s", { timeout: 5 * minutes }, (name) => expectSegmentation(name, "seg", false));
  test.each(nvidiaCases)("%s with --tta", { timeout: 5 * minutes }, (name) =>
    expectSegmentation(name, "seg_tta", true),
  );
});

describe("the files of probabilities are NVIDIA's", () => {
  const withProbabilities = nvidiaCases.filter((name) =>
    existsSync(
      goldenPath("nvidia", name, "expected", "expected.json").replace(
        "expected.json",
        "probabilities.npy.gz",
      ),
    ),
  );

  test.each(withProbabilities)("%s: .npy in float64 and .npy.npz in float16, of the whole image", (name) =>
    withNvidiaCase(
      name,
      async ({ converted, inputDir, expectedDir, scratch }) => {
        const outputDir = join(scratch, "out");
        await predictWith({
          modelDir: converted.folder,
          inputs: [inputDir],
          outputDir,
          useTestTimeAugmentation: false,
        });
        expect(readdirSync(outputDir).sort()).toEqual(["case.npy", "case.npy.npz"]);
        const expected = readNpyGz(join(expectedDir, "probabilities.npy.gz"));
        const bytes = readFileSync(join(outputDir, "case.npy"));
        const start = 10 + bytes.readUInt16LE(8);
        const found = Float32Array.from(new Float64Array(Uint8Array.from(bytes.subarray(start)).buffer));
        expect(bytes.toString("latin1", 10, start)).toContain(
          `'<f8', 'fortran_order': False, 'shape': (${expected.shape.join(", ")},)`,
        );
        expect(difference(found, expected.data).max).toBeLessThanOrEqual(5e-3);
        const half = readNpz(join(outputDir, "case.npy.npz"), "arr_0");
        expect(difference(half.data, found).max).toBeLessThanOrEqual(5e-4);
      },
      { outputs: ["npy", "npz"] },
    ),
  );
});

describe("a folder that NVIDIA's preprocessing wrote is segmented as it is", () => {
  test.each(["brats_3d_ohe", "ct_3d_dynunet_2022", "mr_2d_dynunet"])("%s", { timeout: minutes }, (name) =>
    withNvidiaCase(name, async ({ converted, expectedDir, scratch }) => {
      const inputDir = join(scratch, "prepared");
      mkdirSync(inputDir);
      const x = gunzipSync(readFileSync(join(expectedDir, "case_x.npy.gz")));
      writeFileSync(join(inputDir, "case_x.npy"), x);
      cpSync(join(expectedDir, "case_meta.npy"), join(inputDir, "case_meta.npy"));
      const outputDir = join(scratch, "out");
      const modelDir = converted.folder;
      await predictWith({ modelDir, inputs: [inputDir], outputDir, useTestTimeAugmentation: false });
      await expectSameLabels(join(outputDir, "case.nii.gz"), join(expectedDir, "seg.nii.gz"));
    }),
  );
});

test("four files of BraTS are joined as by NVIDIA: absolute values, in which -32768 is 0", () => {
  const channels = new Float32Array(new SharedArrayBuffer(16));
  channels.set([-32768, -5, 7.9, 0]);
  const geometry = {
    sizeZyx: [1, 1, 4],
    spacingMmZyx: [1, 1, 1],
    originMmXyz: [0, 0, 0],
    directionXyz: identityDirection,
    dimensions: 3,
  } as const;
  const source = { format: "nifti", path: "a.nii.gz", nifti: null } as const;
  const joined = joinBratsFiles({ channels, channelCount: 1, geometry, source });
  expect([...joined.channels]).toEqual([0, 5, 7, 0]);
});

test("several folds are averaged as probabilities", { timeout: minutes }, async () => {
  const folder = mkdtempSync(join(tmpdir(), "nvidia-folds-"));
  try {
    const model = goldenPath("nvidia", "mr_2d_dynunet", "model");
    cpSync(model, folder, { recursive: true });
    const [member] = (await nvidiaModels(folder, noNvidiaOptions)).members;
    const convert = (members: typeof twice, outputDir: string) =>
      convertModel({
        models: { members, postProcessing: { kind: "none" }, totalsegmentator: null },
        settings: testSettings,
        outputDir: join(folder, outputDir),
        progress: silentProgress,
        signal: neverStopped(),
      });
    const copied = join(folder, "fold1.ckpt");
    cpSync(member.model.folds[0].checkpointFile, copied);
    const other = { ...member.model, folds: [{ fold: "1", checkpointFile: copied, range: null }] } as const;
    const twice = [member, { model: other, previousStage: null }] as const;
    const { folder: modelDir, manifest } = await convert(twice, "converted");
    expect(manifest.models).toHaveLength(2);
    const inputs = [goldenPath("nvidia", "mr_2d_dynunet", "input")];
    const outputDir = join(folder, "out");
    await predictWith({ modelDir, inputs, outputDir, useTestTimeAugmentation: false });
    const seg = await readImage(join(outputDir, "case.nii.gz"));
    const expected = await readImage(goldenPath("nvidia", "mr_2d_dynunet", "expected", "seg.nii.gz"));
    expect(seg.voxels).toEqual(expected.voxels);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

async function prepare({ converted, inputDir }: NvidiaCase): Promise<Prepared> {
  const [model] = converted.manifest.models;
  const { plan, labels, channelNames } = model!;
  const [file] = readdirSync(inputDir);
  const image = await readImage(join(inputDir, file!), { imageReader: "NibabelIO" });
  const volume = stackChannels([image], { channelNames, onWarning: () => {} });
  return preprocess(volume, { plan, labels, pool, previousStage: null });
}

async function expectLogits(name: string, inferenceEngine: "onnxruntime" | "openvino"): Promise<void> {
  await withNvidiaCase(name, async (found) => {
    const [model] = found.converted.manifest.models;
    const networks = await openNetworks({
      onnxFiles: [join(found.converted.folder, model!.folds[0].onnxFile)],
      plainOnnxFiles: [join(found.converted.folder, model!.folds[0].plainOnnxFile!)],
      inferenceEngine,
      window: windowShape(model!),
      device: "cpu",
    });
    try {
      const { plan, labels, network } = model!;
      const options = predictOptions({ plan, labels, heads: network.outputChannels });
      const logits = await collectLogits(networks.predict(await prepare(found), options));
      const expected = readNpyGz(join(found.expectedDir, "logits.npy.gz"));
      const { max, mean } = difference(logits, expected.data);
      // The file's values are rounded to 12 bits.
      expect(max).toBeLessThanOrEqual(2e-2);
      expect(mean).toBeLessThanOrEqual(1e-3);
    } finally {
      await networks.close();
    }
  });
}

async function expectSegmentation(name: string, file: "seg" | "seg_tta", isMirrored: boolean): Promise<void> {
  await withNvidiaCase(name, async (found) => {
    const outputDir = join(found.scratch, "out");
    await predictWith({
      modelDir: found.converted.folder,
      inputs: [found.inputDir],
      outputDir,
      useTestTimeAugmentation: isMirrored,
    });
    await expectSameLabels(join(outputDir, "case.nii.gz"), join(found.expectedDir, `${file}.nii.gz`));
  });
}

/** Random networks are nearer to ties than trained ones. */
async function expectSameLabels(foundFile: string, expectedFile: string): Promise<void> {
  const [a, b] = await Promise.all([readImage(foundFile), readImage(expectedFile)]);
  let wrong = 0;
  for (let i = 0; i < b.voxels.length; i++) if (a.voxels[i] !== b.voxels[i]) wrong++;
  expect(wrong / b.voxels.length).toBeLessThanOrEqual(1e-3);
}
