import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Zyx } from "../../../../processor/imaging/volume/axes.js";
import type { LogitStream } from "../../../../processor/runtime/inference/logit-slab.js";
import { type Networks, openNetworks } from "../../../../processor/runtime/inference/networks.js";
import { difference, repositoryRoot } from "../../../support/golden.js";
import { type Convolution, writeConvolutionNetwork } from "../../../support/model/convolution-network.js";
import {
  collectLogits,
  planOfPatch,
  predictOptions,
  preparedVolume,
} from "../../../support/model/inference-case.js";

interface SlidingWindow {
  readonly name: string;
  readonly sizeZyx: Zyx;
  readonly patchSize: readonly number[];
  readonly stepSize: number;
  readonly mirrorAxes: readonly number[];
  readonly volume: readonly number[];
  readonly folds: readonly Convolution[];
  /** The results of nnU-Net's own sliding window. */
  readonly logits: readonly number[];
}

const scratch = mkdtempSync(join(tmpdir(), "networks-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let folder = "";
let networks: Networks | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(scratch, "model-"));
});
afterEach(async () => {
  await networks?.close();
  networks = undefined;
});

describe("the sliding window gives nnU-Net's logits", () => {
  const cases = JSON.parse(
    readFileSync(join(repositoryRoot, "test", "fixtures", "sliding-window", "windows.json"), "utf8"),
  ) as readonly SlidingWindow[];

  test.each(cases)("$name", async ({ sizeZyx, patchSize, folds, volume, logits, stepSize, mirrorAxes }) => {
    const onnxFiles: string[] = [];
    for (const [i, fold] of folds.entries()) {
      const path = join(folder, `fold_${i}`);
      onnxFiles.push(await writeConvolutionNetwork(fold, { path, channels: 2, patchSize, kernel: 3 }));
    }
    networks = await openNetworks({ onnxFiles, window: { channels: 2, heads: 2, patchSize }, device: "cpu" });
    const options = predictOptions({ plan: planOfPatch(patchSize), stepSize, mirrorAxes });
    const found = await collectLogits(networks.predict(preparedVolume(volume, sizeZyx, 2), options));
    // Logits are between −60 and 60. Both programs sum in float32, but in a different order.
    expect(difference(found, Float32Array.from(logits)).max).toBeLessThan(5e-5);
  });
});

/** A network that returns its own input. */
const identity: Convolution = { weight: [1, 0, 0, 1], bias: [0, 0] };
const patchSize = [8, 8, 8];
const window = { channels: 2, heads: 2, patchSize };
const sizeZyx: Zyx = [40, 16, 16];
const values = Float32Array.from({ length: 2 * 40 * 16 * 16 }, (_, i) => ((i * 37) % 101) - 50);

async function openIdentity(convolution: Convolution = identity): Promise<Networks> {
  const path = join(folder, "fold_0");
  const onnxFile = await writeConvolutionNetwork(convolution, { path, channels: 2, patchSize, kernel: 1 });
  networks = await openNetworks({ onnxFiles: [onnxFile], window, device: "cpu" });
  return networks;
}

const options = predictOptions({ plan: planOfPatch(patchSize) });
const volume = preparedVolume(values, sizeZyx, 2);

describe("networks", () => {
  test("whose weights are cut off are refused with a message of our own", async () => {
    const path = join(folder, "fold_0");
    const onnxFile = await writeConvolutionNetwork(identity, { path, channels: 2, patchSize, kernel: 1 });
    truncateSync(`${path}.weights`, 4);
    await expect(openNetworks({ onnxFiles: [onnxFile], window, device: "cpu" })).rejects.toMatchObject({
      code: "INFERENCE_FAILED",
      message: expect.stringMatching(/does not load, .* cut off: External initializer: (?!.*\.cc:)/),
    });
  });

  test("that return their input give the volume back, whatever the windows are", async () => {
    const opened = await openIdentity();
    for (const stepSize of [0.25, 0.5, 0.77, 1]) {
      const mirrored = { ...options, stepSize, mirrorAxes: [0, 1, 2] };
      const found = await collectLogits(opened.predict(volume, mirrored));
      // The result is a weighted mean of up to 512 equal values below 51, summed in float32.
      expect(difference(found, values).max).toBeLessThan(5e-4);
    }
  });

  test("send slices as soon as they are final, and hold no more slices than the patch has", async () => {
    const opened = await openIdentity();
    const depths: number[] = [];
    for await (const { sizeZyx: size } of opened.predict(volume, options).slabs) depths.push(size[0]);
    expect(Math.max(...depths)).toBeLessThanOrEqual(patchSize[0]!);
    expect(depths.reduce((a, b) => a + b)).toBe(sizeZyx[0]);
  });

  test("count their windows", async () => {
    const opened = await openIdentity();
    const seen = { total: 0, done: 0, isDone: false };
    const startProgress = (total: number) => {
      seen.total = total;
      return {
        advance: (units: number) => {
          seen.done += units;
        },
        done: () => {
          seen.isDone = true;
        },
      };
    };
    await collectLogits(opened.predict(volume, { ...options, startProgress }));
    expect(seen).toEqual({ total: 9 * 3 * 3, done: 81, isDone: true });
  });

  test("name the provider that runs, even if they choose it themselves", async () => {
    const path = join(folder, "fold_0");
    const onnxFile = await writeConvolutionNetwork(identity, { path, channels: 2, patchSize, kernel: 1 });
    networks = await openNetworks({ onnxFiles: [onnxFile], window, device: "auto" });
    expect(networks.executionProvider).toMatch(/^(CPU|CUDA)ExecutionProvider$/);
  });

  test("stay usable after a case whose reader left early", async () => {
    const opened = await openIdentity();
    await leaveEarly(opened.predict(volume, options));
    expect(difference(await collectLogits(opened.predict(volume, options)), values).max).toBeLessThan(1e-4);
  });

  test("stop between windows with the reason, and stay usable", async () => {
    const opened = await openIdentity();
    const stop = new AbortController();
    let windows = 0;
    const startProgress = () => ({
      advance: () => {
        windows++;
        stop.abort(new Error("enough"));
      },
      done: () => {},
    });
    const stopped = opened.predict(volume, { ...options, startProgress, signal: stop.signal });
    await expect(collectLogits(stopped)).rejects.toThrow("enough");
    expect(windows).toBeLessThan(81);
    expect(difference(await collectLogits(opened.predict(volume, options)), values).max).toBeLessThan(1e-4);
  });

  test("do nothing if they were stopped before", async () => {
    const opened = await openIdentity();
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(collectLogits(opened.predict(volume, { ...options, signal }))).rejects.toThrow("too late");
  });

  test.each([
    ["infinite values", 3e38],
    ["NaN", Number.NaN],
  ])("that return %s fail, and the next case is predicted", async (_, bad) => {
    const opened = await openIdentity({ weight: [3e38, 0, 0, 1], bias: [0, 0] });
    const spoilt = values.slice();
    spoilt[5] = bad;
    const broken = opened.predict(preparedVolume(spoilt, sizeZyx, 2), options);
    await expect(collectLogits(broken)).rejects.toMatchObject({ code: "INFERENCE_FAILED" });
    const zeros = new Float32Array(values.length);
    const next = opened.predict(preparedVolume(zeros, sizeZyx, 2), options);
    expect(await collectLogits(next)).toEqual(zeros);
  });

  test("whose thread has ended refuse further cases instead of waiting forever", async () => {
    const opened = await openIdentity();
    await opened.close();
    await expect(collectLogits(opened.predict(volume, options))).rejects.toThrow("ended");
  });

  test("fail with the file's name if it is not an ONNX file", async () => {
    const onnxFile = join(folder, "fold_0.onnx");
    writeFileSync(onnxFile, "no network");
    await expect(openNetworks({ onnxFiles: [onnxFile], window, device: "cpu" })).rejects.toMatchObject({
      code: "INFERENCE_FAILED",
      message: expect.stringContaining(onnxFile),
    });
  });
});

async function leaveEarly({ slabs }: LogitStream): Promise<void> {
  for await (const _ of slabs) return;
}
