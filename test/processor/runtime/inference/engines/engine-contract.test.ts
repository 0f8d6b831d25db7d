import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Zyx } from "../../../../../processor/imaging/volume/axes.js";
import {
  type Networks,
  type OpenNetworksOptions,
  openNetworks,
} from "../../../../../processor/runtime/inference/networks.js";
import { difference, repositoryRoot } from "../../../../support/golden.js";
import { type Convolution, writeConvolutionNetwork } from "../../../../support/model/convolution-network.js";
import {
  collectLogits,
  planOfPatch,
  predictOptions,
  preparedVolume,
} from "../../../../support/model/inference-case.js";
import { describeWith, needs, testWith } from "../../../../support/needs.js";

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

const slidingWindows = JSON.parse(
  readFileSync(join(repositoryRoot, "test", "fixtures", "sliding-window", "windows.json"), "utf8"),
) as readonly SlidingWindow[];

const scratch = mkdtempSync(join(tmpdir(), "engines-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const opened: Networks[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((networks) => networks.close()));
});

type Engine = "onnxruntime" | "openvino";
type Change = Partial<OpenNetworksOptions>;

async function open(engine: Engine, onnxFiles: readonly string[], change: Change = {}): Promise<Networks> {
  const networks = await openNetworks({
    ...{ onnxFiles, plainOnnxFiles: onnxFiles, window, device: "cpu", inferenceEngine: engine },
    ...change,
  });
  opened.push(networks);
  return networks;
}

const patchSize = [8, 8, 8];
const window = { channels: 2, heads: 2, patchSize };
const sizeZyx: Zyx = [40, 16, 16];
const values = Float32Array.from({ length: 2 * 40 * 16 * 16 }, (_, i) => ((i * 37) % 101) - 50);
const volume = preparedVolume(values, sizeZyx, 2);
const options = predictOptions({ plan: planOfPatch(patchSize) });

/** Writes a network that multiplies its input. */
const writeFactor = (factor: number): Promise<string> =>
  writeConvolutionNetwork(
    { weight: [factor, 0, 0, factor], bias: [0, 0] },
    { path: join(mkdtempSync(join(scratch, "factor-")), "fold_0"), channels: 2, patchSize, kernel: 1 },
  );

for (const engine of ["onnxruntime", "openvino"] as const) {
  describeWith(engine === "openvino" ? [needs.openvino] : [], `the engine ${engine}`, () => {
    describe.each([true, false])("with keepsFeatureMaps: %s", (keepsFeatureMaps) => {
      test.each(slidingWindows)("gives nnU-Net's logits: $name", async (given) => {
        const { folds, stepSize, mirrorAxes } = given;
        const folder = mkdtempSync(join(scratch, "folds-"));
        const onnxFiles: string[] = [];
        for (const [i, fold] of folds.entries()) {
          const path = join(folder, `fold_${i}`);
          const shape = { channels: 2, patchSize: given.patchSize, kernel: 3 };
          onnxFiles.push(await writeConvolutionNetwork(fold, { path, ...shape }));
        }
        const networks = await open(engine, onnxFiles, {
          ...{ keepsFeatureMaps, window: { ...window, patchSize: given.patchSize } },
        });
        const plan = planOfPatch(given.patchSize);
        const prepared = preparedVolume(given.volume, given.sizeZyx, 2);
        const found = await collectLogits(
          networks.predict(prepared, predictOptions({ plan, stepSize, mirrorAxes })),
        );
        // Logits are between −60 and 60. All programs sum in float32, but in a different order.
        expect(difference(found, Float32Array.from(given.logits)).max).toBeLessThan(5e-5);
      });
    });

    test("names itself and its version", async () => {
      const { program } = await open(engine, [await writeFactor(1)]);
      expect(program).toMatch(engine === "openvino" ? /^OpenVINO 20\d\d\.\d/ : /^ONNX Runtime 1\.\d+/);
    });

    test("gives the same bits every time", async () => {
      const networks = await open(engine, [await writeFactor(0.3), await writeFactor(0.7)]);
      const mirrored = { ...options, mirrorAxes: [0, 1, 2] };
      const first = await collectLogits(networks.predict(volume, mirrored));
      expect(await collectLogits(networks.predict(volume, mirrored))).toEqual(first);
    });

    test("computes with as many threads as it is given", async () => {
      const networks = await open(engine, [await writeFactor(2)], { threads: 1 });
      const [first] = await collectLogits(networks.predict(volume, options));
      expect(first).toBeCloseTo(2 * values[0]!, 3);
    });

    testWith([needs.linux], "starts no threads beyond those that compute", async () => {
      const counts: number[] = [];
      for (const threads of [1, 3]) {
        const networks = await open(engine, [await writeFactor(2)], { threads });
        await collectLogits(networks.predict(volume, options));
        counts.push(engineThreads());
        await networks.close();
        await expect.poll(engineProcesses).toEqual([]);
      }
      const [one, three] = counts as [number, number];
      expect(three).toBeGreaterThan(one);
      expect(three).toBeLessThanOrEqual(one + 2);
    });

    test("computes several models at once", async () => {
      const factors = [1, 2, 3];
      const networks = await Promise.all(factors.map(async (one) => open(engine, [await writeFactor(one)])));
      const found = await Promise.all(networks.map((one) => collectLogits(one.predict(volume, options))));
      expect(found.map(([first]) => Math.round(first!))).toEqual(factors.map((one) => one * values[0]!));
    });

    test("runs a network that takes one window at a time", async () => {
      const path = join(mkdtempSync(join(scratch, "one-")), "fold_0");
      const identity = { weight: [1, 0, 0, 1], bias: [0, 0] };
      const file = await writeConvolutionNetwork(identity, {
        ...{ path, channels: 2, patchSize, kernel: 1, batch: 1, inputName: "their_input" },
      });
      const networks = await open(engine, [file]);
      const found = await collectLogits(networks.predict(volume, { ...options, maximumBatch: 1 }));
      expect(difference(found, values).max).toBeLessThan(5e-4);
    });

    test("refuses infinite values, and predicts the next case", async () => {
      const networks = await open(engine, [await writeFactor(3e38)]);
      const broken = collectLogits(networks.predict(volume, options));
      await expect(broken).rejects.toMatchObject({ code: "INFERENCE_FAILED" });
      const zeros = new Float32Array(values.length);
      const next = networks.predict(preparedVolume(zeros, sizeZyx, 2), options);
      expect(difference(await collectLogits(next), zeros).max).toBe(0);
    });

    test("stays usable after a reader that leaves early, and after a stop", async () => {
      const networks = await open(engine, [await writeFactor(1)]);
      for await (const { zStart } of networks.predict(volume, options).slabs) if (zStart > 0) break;
      const stop = new AbortController();
      const startProgress = () => ({ advance: () => stop.abort(new Error("enough")), done: () => {} });
      const stopped = networks.predict(volume, { ...options, startProgress, signal: stop.signal });
      await expect(collectLogits(stopped)).rejects.toThrow("enough");
      const found = await collectLogits(networks.predict(volume, options));
      expect(difference(found, values).max).toBeLessThan(5e-4);
    });

    test("refuses a file that is not an ONNX file", async () => {
      const file = join(mkdtempSync(join(scratch, "none-")), "fold_0.onnx");
      writeFileSync(file, "no network");
      const code = engine === "openvino" ? "INFERENCE_ENGINE_UNFIT" : "INFERENCE_FAILED";
      await expect(open(engine, [file])).rejects.toMatchObject({ code });
    });
  });
}

for (const [engine, program] of [
  ["onnxruntime", "ONNX Runtime"],
  ["openvino", "OpenVINO"],
] as const) {
  const wanted = [needs.posix, ...(engine === "openvino" ? [needs.openvino] : [])];
  describeWith(wanted, `${program} runs in a process of its own, so that`, () => {
    test("a stop in the middle of a long window takes effect within a second", async () => {
      const { networks, volume: prepared, options: given } = await openSlow(engine);
      const stop = new AbortController();
      const running = collectLogits(networks.predict(prepared, { ...given, signal: stop.signal }));
      await whenBusy();
      const stoppedAt = performance.now();
      stop.abort(new Error("enough"));
      await expect(running).rejects.toThrow("enough");
      expect(performance.now() - stoppedAt).toBeLessThan(1000);
    });

    test.each([
      ["a crash in native code", "SIGSEGV", "INFERENCE_FAILED", `${program} crashed (SIGSEGV)`],
      ["a lack of memory", "SIGKILL", "OUT_OF_MEMORY", "out of memory"],
    ] as const)("%s fails one case, and the next one is predicted", async (_, signal, code, message) => {
      const { networks, volume: prepared, options: given } = await openSlow(engine);
      const ended = expect(collectLogits(networks.predict(prepared, given))).rejects.toMatchObject({
        ...{ code, message: expect.stringContaining(message) },
      });
      await whenBusy();
      for (const pid of engineProcesses()) process.kill(pid, signal);
      await ended;
      const next = await collectLogits(networks.predict(prepared, given));
      expect(next.every((value) => value === 0)).toBe(true);
    });

    test("no process stays behind when the networks are closed", async () => {
      const networks = await open(engine, [await writeFactor(1)]);
      expect(engineProcesses()).toHaveLength(1);
      await networks.close();
      await expect.poll(engineProcesses).toEqual([]);
    });
  });
}

/** Opens a network that computes a window for seconds. It turns zeros into zeros. */
async function openSlow(engine: Engine) {
  const slow = { channels: 16, patchSize: [64, 64, 64], kernel: 9 };
  const weight = Array.from({ length: 16 * 16 * 9 ** 3 }, (_, i) => (i % 7) / 1000);
  const path = join(mkdtempSync(join(scratch, "slow-")), "fold_0");
  const bias = new Array<number>(16).fill(0);
  const file = await writeConvolutionNetwork({ weight, bias }, { path, ...slow });
  return {
    networks: await open(engine, [file], {
      ...{ window: { channels: 16, heads: 16, patchSize: slow.patchSize }, threads: 1 },
    }),
    volume: preparedVolume(new Float32Array(16 * 64 ** 3), [64, 64, 64], 16),
    options: predictOptions({ plan: planOfPatch(slow.patchSize), heads: 16 }),
  };
}

/** Resolves when an engine has begun to compute, by the time that its process has used. */
async function whenBusy(): Promise<void> {
  const before = usedTime();
  await expect.poll(usedTime, { timeout: 60_000 }).toBeGreaterThan(before + 10);
}

/** Returns the time that the processes have used, in hundredths of a second. */
const usedTime = (): number =>
  engineProcesses().reduce((sum, pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return sum + Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[11]);
  }, 0);

/** Returns the number of threads of the processes that compute. */
const engineThreads = (): number =>
  engineProcesses().reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/task`).length, 0);

/** Returns the children of this process that compute. */
const engineProcesses = (): readonly number[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => isEngineProcess(pid))
    .map(Number);

function isEngineProcess(pid: string): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const isMine = Number(parent) === process.pid && state !== "Z";
    return isMine && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("engine-process.js");
  } catch {
    return false; // it has ended in the meantime
  }
}
