import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { onnxRuntimeEngine } from "../../../../processor/runtime/inference/engines/onnxruntime.js";
import type { Window } from "../../../../processor/runtime/inference/window-passes.js";
import { WindowRunner } from "../../../../processor/runtime/inference/window-runner.js";
import type { WindowOutputs } from "../../../../processor/runtime/inference/window-sums.js";
import type { FromInferenceWorker } from "../../../../processor/runtime/inference/worker-messages.js";
import { halfToFloat } from "../../../support/golden.js";
import { writeConvolutionFolds } from "../../../support/model/convolution-network.js";
import { planOfPatch, preparedVolume } from "../../../support/model/inference-case.js";

const scratch = mkdtempSync(join(tmpdir(), "window-runner-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const patchZyx = [2, 2, 2] as const;
const sizeZyx = [2, 2, 8] as const;
const windows = [0, 1, 3, 6].map((x): Window => ({ onVolume: [0, 0, x], onSums: [0, 0, x] }));

interface FourWindowsOptions {
  readonly precision: "float32" | "float16";
  /** The only number of windows at once that the network accepts. */
  readonly taken: number;
  readonly windowsPerRun: number;
  readonly inputName?: string;
}

interface FourOutputs {
  readonly outputs: readonly WindowOutputs[];
  readonly messages: readonly FromInferenceWorker[];
  /** The rows that ended, with the number of windows that had been added by then. */
  readonly rowEnds: readonly (readonly [row: number, outputs: number])[];
}

/** Runs four windows through a network that multiplies by two. */
async function outputsOfFour(options: FourWindowsOptions): Promise<FourOutputs> {
  const { precision, taken, windowsPerRun, inputName = "input" } = options;
  const { onnxFiles, gpuOnnxFile } = await writeConvolutionFolds([{ weight: [2], bias: [0] }], {
    ...{
      folder: mkdtempSync(join(scratch, "folds-")),
      channels: 1,
      patchSize: patchZyx,
      kernel: 1,
      batch: taken,
      inputName,
    },
  });
  const engine = onnxRuntimeEngine({
    window: { channels: 1, heads: 1, patchSize: patchZyx },
    ...{ onnxFiles, device: "cpu", threads: 1, keepsFeatureMaps: false },
    gpuNetworks: precision === "float32" ? null : { onnxFile: gpuOnnxFile, folds: [0] },
  });
  await engine.open();
  const { data } = preparedVolume(
    Float32Array.from({ length: 32 }, (_, i) => i),
    sizeZyx,
    1,
  );
  const outputs: WindowOutputs[] = [];
  const messages: FromInferenceWorker[] = [];
  const rowEnds: (readonly [row: number, outputs: number])[] = [];
  const nothing = () => {};
  const runner = new WindowRunner(
    {
      ...{ data: data as Float32Array<SharedArrayBuffer>, channelCount: 1, sizeZyx, heads: 1 },
      ...{
        maximumBatch: null,
        isRegionModel: false,
        plan: planOfPatch(patchZyx),
        labels: null,
        mirrorAxes: [2],
      },
      ...{ stepSize: 0.5, control: new Int32Array(new SharedArrayBuffer(8)) },
    },
    {
      ...{ patchZyx, engine, windowsPerRun, fillsRuns: true, onFewer: nothing },
      send: (message) => messages.push(message),
      sink: {
        // The next runs overwrite the values.
        add: (output) => outputs.push({ ...output, values: output.values.slice() }),
        ...{ addWeights: nothing, finish: nothing, advance: nothing, settle: nothing },
      },
    },
  );
  await runner.run([windows.slice(0, 3), windows.slice(3)], {
    windowsDone: nothing,
    rowDone: (row) => rowEnds.push([row, outputs.flatMap(({ cornersZyx }) => cornersZyx).length]),
  });
  await engine.close();
  return { outputs, messages, rowEnds };
}

describe("runs with equal numbers of windows", () => {
  test.each(["float32", "float16"] as const)("return each window once: %s", async (precision) => {
    const { outputs, rowEnds } = await outputsOfFour({ precision, taken: 3, windowsPerRun: 3 });
    expectEachOnce(outputs);
    const flips = precision === "float32" ? 2 : 1;
    expect(rowEnds).toEqual([
      [0, 3 * flips],
      [1, 4 * flips],
    ]);
  });
});

// ONNX Runtime's message about refused windows contains the input's name, which is here a word of cuDNN's messages.
test("if cuDNN refuses several windows, fewer are run together and the reason is reported", async () => {
  const inputName = "CUDNN_FE failure 8";
  const { outputs, messages } = await outputsOfFour({
    ...{ precision: "float32", taken: 1, windowsPerRun: 4, inputName },
  });
  expectEachOnce(outputs);
  expect(messages).toEqual([
    { type: "note", line: "cuDNN cannot run 4 windows at once; from here on, 2 are run together" },
    { type: "note", line: "cuDNN cannot run 2 windows at once; from here on, 1 are run together" },
  ]);
});

function expectEachOnce(outputs: readonly WindowOutputs[]): void {
  const unflipped = outputs.filter(({ flip }) => !flip[2]);
  expect(unflipped.flatMap(({ cornersZyx }) => cornersZyx.map(([, , x]) => x))).toEqual([0, 1, 3, 6]);
  const values = unflipped.flatMap(({ values }) =>
    values instanceof Uint16Array ? Array.from(values, halfToFloat) : [...values],
  );
  expect(values).toEqual(
    [0, 1, 3, 6].flatMap((x) => [0, 1, 8, 9, 16, 17, 24, 25].map((place) => 2 * (place + x))),
  );
}
