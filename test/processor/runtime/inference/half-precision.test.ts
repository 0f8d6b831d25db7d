import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import { type Networks, openNetworks } from "../../../../processor/runtime/inference/networks.js";
import type { PredictOptions } from "../../../../processor/runtime/inference/predicted-slabs.js";
import type { AveragedOutput } from "../../../../src/onnx/gpu-graph.js";
import { difference } from "../../../support/golden.js";
import { type ConvolutionFolds, writeConvolutionFolds } from "../../../support/model/convolution-network.js";
import {
  collectLogits,
  planOfPatch,
  predictOptions,
  preparedVolume,
} from "../../../support/model/inference-case.js";

const scratch = mkdtempSync(join(tmpdir(), "half-precision-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let networks: Networks | undefined;
afterEach(async () => {
  await networks?.close();
  networks = undefined;
});

interface Folds {
  readonly channels: number;
  readonly patchSize: readonly number[];
  readonly count?: number;
  readonly averaged?: AveragedOutput;
  /** All weights are multiplied by this factor. */
  readonly gain?: number;
}

/** Each head is a weighted sum of all channels and their neighbours. */
function writeFolds({ channels, patchSize, count = 1, averaged = "logits", gain = 1 }: Folds) {
  const weights = channels * channels * 3 ** patchSize.length;
  const convolutions = Array.from({ length: count }, (_, fold) => ({
    weight: Array.from({ length: weights }, (_, i) => (gain * (((i * 31 + fold * 17) % 41) - 20)) / 100),
    bias: Array.from({ length: channels }, (_, i) => gain * (i - fold)),
  }));
  const folder = mkdtempSync(join(scratch, "folds-"));
  return writeConvolutionFolds(convolutions, { folder, channels, patchSize, kernel: 3, averaged });
}

const gpuNetworksOf = ({ onnxFiles, gpuOnnxFile }: ConvolutionFolds) => ({
  onnxFile: gpuOnnxFile,
  folds: onnxFiles.map((_, fold) => fold),
});

const volumeOf = (sizeZyx: Zyx, channels: number) =>
  preparedVolume(
    Float32Array.from(
      { length: channels * sizeZyx.reduce((a, b) => a * b) },
      (_, i) => ((i * 37) % 101) / 25 - 2,
    ),
    sizeZyx,
    channels,
  );

async function predict(
  files: ConvolutionFolds,
  precision: "float16" | "float32",
  options: PredictOptions,
  sizeZyx: Zyx,
) {
  const { onnxFiles } = files;
  const { heads, plan } = options;
  const window = { channels: heads, heads, patchSize: plan.patchSize };
  networks = await openNetworks({
    onnxFiles,
    gpuNetworks: gpuNetworksOf(files),
    window,
    device: "cpu",
    precision,
  });
  const found = await collectLogits(networks.predict(volumeOf(sizeZyx, options.heads), options));
  await networks.close();
  networks = undefined;
  return found;
}

describe("a graph that averages mirrorings in float16 gives the float32 network's output:", () => {
  const v1 = { averaging: "probabilities", gaussianForSingleWindow: false } as const;
  const cases: readonly {
    readonly name: string;
    readonly folds: Folds;
    readonly sizeZyx: Zyx;
    readonly options?: Partial<PredictOptions>;
    readonly plan?: Partial<PredictOptions["plan"]>;
  }[] = [
    { name: "one head", folds: { channels: 1, patchSize: [8, 8, 8] }, sizeZyx: [20, 13, 16] },
    {
      name: "nine heads on five threads",
      folds: { channels: 9, patchSize: [8, 6, 8] },
      sizeZyx: [20, 9, 16],
    },
    { name: "three folds", folds: { channels: 2, patchSize: [8, 8, 8], count: 3 }, sizeZyx: [20, 13, 16] },
    { name: "slices", folds: { channels: 3, patchSize: [16, 24] }, sizeZyx: [40, 30, 24] },
    {
      name: "a volume smaller than the patch",
      folds: { channels: 5, patchSize: [8, 8, 8] },
      sizeZyx: [3, 13, 5],
    },
    {
      name: "no mirroring",
      folds: { channels: 2, patchSize: [8, 8, 8] },
      sizeZyx: [20, 13, 16],
      options: { mirrorAxes: [] },
    },
    {
      name: "v1's probabilities of labels",
      folds: { channels: 5, patchSize: [8, 8, 8], averaged: "softmax", count: 2 },
      sizeZyx: [20, 13, 16],
      plan: v1,
    },
    {
      name: "v1's probabilities of regions",
      folds: { channels: 2, patchSize: [8, 8, 8], averaged: "sigmoid" },
      sizeZyx: [20, 13, 16],
      plan: v1,
      options: { labels: { names: [], foregroundLabels: [1], regionsClassOrder: [1, 2], ignoreLabel: null } },
    },
  ];

  test.each(cases)("$name", async ({ folds, sizeZyx, options: change = {}, plan = {} }) => {
    const files = await writeFolds(folds);
    const { patchSize, channels } = folds;
    const options = predictOptions({
      plan: { ...planOfPatch(patchSize), ...plan },
      heads: channels,
      mirrorAxes: patchSize.map((_, axis) => axis),
      ...change,
    });
    const exact = await predict(files, "float32", options, sizeZyx);
    const found = await predict(files, "float16", options, sizeZyx);
    const largest = exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    // The input, the weights, the sum and the output are each rounded to 11 bits.
    expect(difference(found, exact).max).toBeLessThan(4 * 2 ** -11 * largest);
  });
});

describe("in float16", () => {
  const patchSize = [8, 8, 8];
  const sizeZyx: Zyx = [12, 8, 8];
  const options = predictOptions({ plan: planOfPatch(patchSize), heads: 2, mirrorAxes: [0, 1] });

  test("windows that overflow are reported and run in float32", async () => {
    const files = await writeFolds({ channels: 2, patchSize, gain: 60_000 });
    const exact = await predict(files, "float32", options, sizeZyx);
    expect(exact.reduce((most, value) => Math.max(most, Math.abs(value)), 0)).toBeGreaterThan(65504);
    const notes: string[] = [];
    const noting = { ...options, onNote: (line: string) => notes.push(line) };
    expect(await predict(files, "float16", noting, sizeZyx)).toEqual(exact);
    expect(notes).toEqual(["float16 overflowed in a window; such windows are run in float32"]);
  });

  test("a precision without a graph is refused", async () => {
    const { onnxFiles } = await writeFolds({ channels: 2, patchSize });
    const opening = openNetworks({
      ...{ onnxFiles, gpuNetworks: null, device: "cpu", precision: "float16" },
      window: { channels: 2, heads: 2, patchSize },
    });
    await expect(opening).rejects.toMatchObject({ code: "PRECISION_UNFIT" });
  });

  test("the networks stay usable after a reader that leaves early, and after a stop", async () => {
    const files = await writeFolds({ channels: 9, patchSize });
    const nine = { ...options, heads: 9 };
    const { onnxFiles } = files;
    networks = await openNetworks({
      ...{ onnxFiles, gpuNetworks: gpuNetworksOf(files), device: "cpu", precision: "float16" },
      window: { channels: 9, heads: 9, patchSize },
    });
    expect(networks.isHalfPrecision).toBe(true);
    const volume = volumeOf([40, 16, 16], 9);
    const expected = await collectLogits(networks.predict(volume, nine));
    for await (const { zStart } of networks.predict(volume, nine).slabs) if (zStart > 0) break;
    const stop = new AbortController();
    const startProgress = () => ({ advance: () => stop.abort(new Error("enough")), done: () => {} });
    const stopped = networks.predict(volume, { ...nine, startProgress, signal: stop.signal });
    await expect(collectLogits(stopped)).rejects.toThrow("enough");
    expect(await collectLogits(networks.predict(volume, nine))).toEqual(expected);
  });
});
