import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { onnxRuntimeEngine } from "../../../../../processor/runtime/inference/engines/onnxruntime.js";
import { ProcessEngine } from "../../../../../processor/runtime/inference/engines/process-engine.js";
import {
  copiedWindowMemory,
  createWindowMemory,
} from "../../../../../processor/runtime/inference/engines/window-memory.js";
import { halfToFloat } from "../../../../support/golden.js";
import { writeConvolutionFolds } from "../../../../support/model/convolution-network.js";

const scratch = mkdtempSync(join(tmpdir(), "process-engine-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const patchSize = [2, 2, 4];
const voxels = 16;

/** ONNX Runtime with a network that adds up two channels in one head and subtracts them in the other. */
async function openSums(
  precision: "float32" | "float16",
  createMemory: typeof createWindowMemory,
  gpuVariables: Readonly<Record<string, string>> = {},
) {
  const { onnxFiles, gpuOnnxFile } = await writeConvolutionFolds([{ weight: [1, 1, 1, -1], bias: [0, 1] }], {
    folder: mkdtempSync(join(scratch, "folds-")),
    channels: 2,
    patchSize,
    kernel: 1,
  });
  const engine = new ProcessEngine(
    {
      order: {
        ...{ engine: "onnxruntime", onnxFiles, device: "cpu", threads: 1, keepsFeatureMaps: true },
        gpuNetworks: precision === "float32" ? null : { onnxFile: gpuOnnxFile, folds: [0] },
        window: { channels: 2, heads: 2, patchSize },
        gpuVariables,
      },
      ...{ program: "ONNX Runtime", windowsPerRun: 1, mostWindows: 3, holdsAllFolds: true },
      ...{ averagedFolds: [0], restartsForMemory: false },
    },
    createMemory,
  );
  await engine.open();
  return engine;
}

/** Two channels of three windows. */
const fill = (input: Float32Array): void => {
  for (let i = 0; i < input.length; i++) input[i] = i % 32;
};
const sum = Array.from({ length: voxels }, (_, i) => 2 * i + voxels);
const expected = [...sum, ...sum.map(() => 1 - voxels)];

for (const [name, createMemory] of [
  ["share", createWindowMemory],
  ["copy", copiedWindowMemory],
] as const) {
  test(`processes that ${name} windows give the outputs of several runs at once, with fewer windows as well`, async () => {
    const engine = await openSums("float32", createMemory);
    const found = await Promise.all([engine.run(0, 3, fill), engine.run(0, 1, fill)]);
    expect(found.map((values) => [...values])).toEqual([[...expected, ...expected, ...expected], expected]);
    await engine.close();
  });

  test(`processes that ${name} windows give float16 means, which later runs leave alone`, async () => {
    const engine = await openSums("float16", createMemory);
    const straight = (size: number) => Array.from({ length: size }, (_, i) => i);
    const request = { folds: [0], orders: { z: straight(2), y: straight(2), x: straight(4) } };
    const { means, total } = await engine.averaging!.run({ ...request, windows: 2, fill });
    const zeros = (input: Float32Array) => void input.fill(0);
    for (let i = 0; i < 2; i++) await engine.averaging!.run({ ...request, windows: 2, fill: zeros });
    expect(means.flatMap((bits) => Array.from(bits, halfToFloat))).toEqual([...expected, ...expected]);
    expect(total).toBe(2 * expected.reduce((a, b) => a + b));
    await engine.close();
  });
}

test("the process that computes sees the chosen GPU only, and numbers GPUs as nvidia-smi does", async () => {
  const engine = await openSums("float32", createWindowMemory, { CUDA_VISIBLE_DEVICES: "GPU-1234" });
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8")
    .trim()
    .split(" ");
  const own = children.find((child) =>
    readFileSync(`/proc/${child}/cmdline`, "utf8").includes("engine-process"),
  );
  const variables = readFileSync(`/proc/${own}/environ`, "utf8").split("\0");
  expect(variables).toContain("CUDA_VISIBLE_DEVICES=GPU-1234");
  expect(variables).toContain("CUDA_DEVICE_ORDER=PCI_BUS_ID");
  await engine.close();
});

test("a few cores hold one large output at a time, many cores and small outputs two", async () => {
  const { onnxFiles } = await writeConvolutionFolds([{ weight: [1], bias: [0] }], {
    folder: mkdtempSync(join(scratch, "folds-")),
    ...{ channels: 1, patchSize, kernel: 1 },
  });
  const runsInFlight = async (heads: number, threads: number) => {
    const engine = onnxRuntimeEngine({
      ...{ onnxFiles, device: "cpu", threads, keepsFeatureMaps: false, gpuNetworks: null, gpuVariables: {} },
      window: { channels: 1, heads, patchSize: [128, 128, 128] },
    });
    await engine.close();
    return engine.runsInFlight;
  };
  expect(await runsInFlight(25, 2)).toBe(1);
  expect(await runsInFlight(2, 2)).toBe(2);
  expect(await runsInFlight(25, 16)).toBe(2);
});

test("memory of more than 4 GiB, as for 300 labels, can be used in each of its parts", () => {
  const window = { channels: 1, heads: 300, patchSize: [512, 512] };
  const { order, memory, close } = createWindowMemory({
    ...{ window, mostWindows: 8, runsInFlight: 2, mustBeShared: true },
  });
  expect(order.regionBytes).toBeGreaterThan(2 ** 32);
  for (const { input, output } of order.places)
    for (const start of [input, output]) memory.floats(start, 4).set([1, 2, 3, start]);
  for (const { input, output } of order.places)
    for (const start of [input, output])
      expect([...memory.floats(start, 4)]).toEqual([1, 2, 3, Math.fround(start)]);
  close();
});

test("an output of more than 4 GiB is an error, not the end of the program", () => {
  const window = { channels: 1, heads: 600, patchSize: [128, 128, 128] };
  const { order, memory, close } = createWindowMemory({
    ...{ window, mostWindows: 1, runsInFlight: 2, mustBeShared: true },
  });
  expect(() => memory.floats(order.places[0]!.output, 4)).toThrow("more than 4 GiB");
  close();
});
