import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { nibabelAffine } from "../../processor/imaging/formats/nifti/nibabel-affine.js";
import { readImage } from "../../processor/imaging/formats/read-image.js";
import { stackChannels } from "../../processor/imaging/formats/stack-channels.js";
import { orientationLetters } from "../../processor/imaging/volume/reorient.js";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { openNetworks } from "../../processor/runtime/inference/networks.js";
import type { Prepared } from "../../processor/runtime/preprocess/prepared.js";
import { preprocess } from "../../processor/runtime/preprocess/preprocess.js";
import { reorientCase } from "../../processor/runtime/preprocess/reorient-case.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { difference, readNpyGz } from "../support/golden.js";
import { collectLogits, predictOptions } from "../support/model/inference-case.js";
import { type MonaiCase, monaiCases, withMonaiCase } from "../support/model/monai-case.js";
import { predictWith } from "../support/model/predict.js";
import { describeWith, needs } from "../support/needs.js";

const minutes = 60_000;
const pool = openPool();
afterAll(() => pool.close());

describe("the transforms before the network give MONAI's values", () => {
  test.each(monaiCases)("%s", { timeout: minutes }, (name) =>
    withMonaiCase(name, async (found) => {
      const prepared = await prepare(found);
      const expected = readNpyGz(join(found.expectedDir, "prepared.npy.gz"));
      const { data, shape } = inMonaiOrder(prepared, prepared.data, prepared.channelCount, found);
      expect(shape).toEqual(expected.shape);
      expect(difference(data, expected.data).max).toBeLessThanOrEqual(2e-5);
    }),
  );
});

describe("the sliding window adds up to MONAI's logits", () => {
  test.each(monaiCases)("%s", { timeout: minutes }, (name) => expectLogits(name, "onnxruntime", 1e-3));
});

describeWith([needs.openvino], "OpenVINO adds up to MONAI's logits", () => {
  test.each(monaiCases)("%s", { timeout: minutes }, (name) => expectLogits(name, "openvino", 5e-3));
});

describe("a case from file to file gives MONAI's labels", () => {
  test.each(monaiCases)("%s", { timeout: 2 * minutes }, (name) =>
    withMonaiCase(name, async ({ converted, inputFile, expectedDir, scratch }) => {
      const outputDir = join(scratch, "out");
      await predictWith({ modelDir: converted.folder, inputs: [inputFile], outputDir });
      const [a, b] = await Promise.all([
        readImage(join(outputDir, "input.nii.gz")),
        readImage(join(expectedDir, "seg.nii.gz")),
      ]);
      let wrong = 0;
      for (let i = 0; i < b.voxels.length; i++) if (a.voxels[i] !== b.voxels[i]) wrong++;
      // Random networks are nearer to ties than trained ones.
      expect(wrong).toBeLessThanOrEqual(b.voxels.length / 10_000);
    }),
  );
});

async function prepare({ converted, inputFile }: MonaiCase): Promise<Prepared> {
  const { plan, labels, channelNames } = converted.manifest.models[0];
  const image = await readImage(inputFile, { imageReader: "NibabelIO" });
  const volume = stackChannels([image], { channelNames, onWarning: () => {} });
  const axcodes = plan.monai?.axcodes ?? orientationLetters(volume.geometry);
  const turned = await reorientCase(volume, { pool, affine: nibabelAffine(volume), axcodes });
  return preprocess(turned.volume, { plan, labels, pool, previousStage: null });
}

/** MONAI has the axes x, y and z; a 2-D network here has the slices first. */
function inMonaiOrder(
  { sizeZyx }: Pick<Prepared, "sizeZyx">,
  data: Float32Array,
  channels: number,
  { converted }: MonaiCase,
): { readonly data: Float32Array; readonly shape: readonly number[] } {
  const { dimensions } = converted.manifest.models[0].plan;
  if (dimensions === 3) return { data, shape: [channels, ...sizeZyx] };
  const [slices, columns, rows] = sizeZyx;
  if (slices === 1) return { data, shape: [channels, columns, rows] };
  const plane = columns * rows;
  const moved = data.map((_, i) => {
    const z = i % slices;
    const inPlane = Math.floor(i / slices) % plane;
    const channel = Math.floor(i / (slices * plane));
    return data[(channel * slices + z) * plane + inPlane]!;
  });
  return { data: moved, shape: [channels, columns, rows, slices] };
}

async function expectLogits(
  name: string,
  inferenceEngine: "onnxruntime" | "openvino",
  tolerance: number,
): Promise<void> {
  await withMonaiCase(name, async (found) => {
    const [model] = found.converted.manifest.models;
    const networks = await openNetworks({
      onnxFiles: [join(found.converted.folder, model.folds[0].onnxFile)],
      plainOnnxFiles: [join(found.converted.folder, model.folds[0].plainOnnxFile!)],
      inferenceEngine,
      window: windowShape(model),
      device: "cpu",
    });
    try {
      const { plan, labels, network } = model;
      const prepared = await prepare(found);
      const heads = network.outputChannels;
      const logits = await collectLogits(networks.predict(prepared, predictOptions({ plan, labels, heads })));
      const expected = readNpyGz(join(found.expectedDir, "logits.npy.gz"));
      const { data, shape } = inMonaiOrder(prepared, logits, heads, found);
      expect(shape).toEqual(expected.shape);
      expect(difference(data, expected.data).max).toBeLessThanOrEqual(tolerance);
    } finally {
      await networks.close();
    }
  });
}
