import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  openvinoEntryLibrary,
  openvinoFolderVariable,
} from "../../../../../processor/contract/openvino-libraries.js";
import {
  type CpuFacts,
  computingThreads,
  cpuFactsOf,
} from "../../../../../processor/runtime/inference/engines/cpu-facts.js";
import {
  chooseCpuEngine,
  type EngineWish,
  findOpenvino,
} from "../../../../../processor/runtime/inference/engines/engine-choice.js";
import {
  recallEngine,
  rememberEngine,
} from "../../../../../processor/runtime/inference/engines/engine-memo.js";
import { networkKind } from "../../../../../processor/runtime/inference/engines/engine-table.js";
import { openEngine } from "../../../../../processor/runtime/inference/engines/open-engine.js";
import { writeConvolutionNetwork } from "../../../../support/model/convolution-network.js";
import { describeWith, needs } from "../../../../support/needs.js";

const scratch = mkdtempSync(join(tmpdir(), "engine-choice-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const libraries = mkdtempSync(join(scratch, "libraries-"));
writeFileSync(join(libraries, openvinoEntryLibrary), "");
const present = { [openvinoFolderVariable]: libraries, XDG_CACHE_HOME: join(scratch, "cache") };
const absent = { ...present, [openvinoFolderVariable]: scratch };

const xeon: CpuFacts = { model: "A Xeon", instructions: "Intel AVX-512", hasBfloat16: true };
const unknown: CpuFacts = { model: "A new CPU", instructions: "other AVX2", hasBfloat16: false };

const wish: EngineWish = {
  ...{ inferenceEngine: "auto", device: "cpu", precision: "auto" },
  ...{ onnxFiles: ["fold_0.onnx"], plainOnnxFiles: ["fold_0.plain.onnx"] },
  window: { channels: 1, heads: 2, patchSize: [128, 128, 128] },
};

const choose = (change: Partial<EngineWish>, environment: object = present, cpu = xeon) =>
  chooseCpuEngine({ ...wish, ...change }, { environment: environment as typeof present, cpu });

describeWith([needs.linux], "the engine for a CPU", () => {
  test("is the faster one on a CPU that was measured", async () => {
    expect(await choose({})).toMatchObject({
      engine: "openvino",
      mayFallBack: true,
      openvino: { folder: libraries, onnxFiles: ["fold_0.plain.onnx"], precision: "float32" },
    });
  });

  test("is measured on any other CPU, once", async () => {
    expect(await choose({}, present, unknown)).toMatchObject({ engine: "measure" });
    const kind = networkKind(wish.window);
    await rememberEngine(present, {
      ...{ cpu: unknown, kind, measured: { onnxruntimeMs: 100, openvinoMs: 200 } },
    });
    expect(await recallEngine(present, unknown, kind)).toBe("onnxruntime");
    expect(await choose({}, present, unknown)).toEqual({ engine: "onnxruntime" });
  });

  test.each([
    ["OpenVINO is missing", {}, absent],
    ["the model has no plain network", { plainOnnxFiles: null }, present],
    ["float16 is asked for", { precision: "float16" }, present],
    ["it is asked for", { inferenceEngine: "onnxruntime" }, present],
  ] as const)("is ONNX Runtime if %s", async (_, change, environment) => {
    expect(await choose(change, environment)).toEqual({ engine: "onnxruntime" });
  });

  test("is OpenVINO if it is asked for, also with a network that was rewritten for ONNX Runtime", async () => {
    expect(
      await choose({ inferenceEngine: "openvino", plainOnnxFiles: null }, present, unknown),
    ).toMatchObject({
      ...{ engine: "openvino", mayFallBack: false, openvino: { onnxFiles: ["fold_0.onnx"] } },
    });
  });

  test("is OpenVINO for bfloat16", async () => {
    expect(await choose({ precision: "bfloat16" })).toMatchObject({
      ...{ engine: "openvino", mayFallBack: false, openvino: { precision: "bfloat16" } },
    });
  });

  test.each([
    ["OpenVINO is missing", { inferenceEngine: "openvino" }, "INFERENCE_ENGINE_UNFIT", absent, xeon],
    ["bfloat16 without OpenVINO", { precision: "bfloat16" }, "INFERENCE_ENGINE_UNFIT", absent, xeon],
    [
      "OpenVINO on a GPU",
      { inferenceEngine: "openvino", device: "cuda" },
      "INFERENCE_ENGINE_UNFIT",
      ...([present, xeon] as const),
    ],
    ["bfloat16 on a GPU", { precision: "bfloat16", device: "cuda" }, "PRECISION_UNFIT", present, xeon],
    ["bfloat16 on a CPU without it", { precision: "bfloat16" }, "PRECISION_UNFIT", present, unknown],
    [
      "bfloat16 with ONNX Runtime",
      { precision: "bfloat16", inferenceEngine: "onnxruntime" },
      "PRECISION_UNFIT",
      ...([present, xeon] as const),
    ],
    [
      "float16 with OpenVINO",
      { precision: "float16", inferenceEngine: "openvino" },
      "PRECISION_UNFIT",
      ...([present, xeon] as const),
    ],
  ] as const)("is an error: %s", async (_, change, code, environment, cpu) => {
    await expect(choose(change, environment, cpu)).rejects.toMatchObject({ code });
  });
});

describe("a CPU's facts", () => {
  test.each([
    ["an Intel CPU with AVX-512", "GenuineIntel", "avx2 avx512f avx512_bf16", "Intel AVX-512", true],
    ["an AMD CPU with AVX2", "AuthenticAMD", "sse4_2 avx2", "AMD AVX2", false],
  ])("%s", (_, vendor, flags, instructions, hasBfloat16) => {
    const text = `processor\t: 0\nvendor_id\t: ${vendor}\nmodel name\t: A CPU\nflags\t\t: fpu ${flags}\n`;
    expect(cpuFactsOf(text, "A CPU")).toEqual({ model: "A CPU", instructions, hasBfloat16 });
  });

  test.each([
    ["a control group's share of time", { "cpu.max": "150000 100000\n" }, 2],
    [
      "an older control group's share",
      { "cpu.cfs_quota_us": "100000\n", "cpu.cfs_period_us": "100000\n" },
      1,
    ],
    ["no limit", { "cpu.max": "max 100000\n" }, 8],
    ["no control group", {}, 8],
    ["a limit above the cores", { "cpu.max": "1600000 100000\n" }, 8],
  ] as const)("the threads that compute, with %s", (_, files: Readonly<Record<string, string>>, threads) => {
    expect(computingThreads(8, (file) => files[file.split("/").at(-1)!] ?? "")).toBe(threads);
  });
});

describeWith([needs.openvino], "under auto, a network that OpenVINO does not run", () => {
  test("is run by ONNX Runtime, and the note says why", async () => {
    const patchSize = [4, 4, 4];
    const path = join(scratch, "identity");
    const shape = { path, channels: 1, patchSize, kernel: 1 };
    const file = await writeConvolutionNetwork({ weight: [1], bias: [0] }, shape);
    const refused = join(scratch, "refused.onnx");
    writeFileSync(refused, "no network");
    const folder = findOpenvino(process.env)!;
    const { engine, note } = await openEngine(
      {
        ...{ engine: "openvino", mayFallBack: true },
        openvino: { folder, onnxFiles: [refused], precision: "float32" },
      },
      {
        ...{ onnxFiles: [file], gpuNetworks: null, device: "cpu", threads: 1, keepsFeatureMaps: false },
        window: { channels: 1, heads: 1, patchSize },
      },
    );
    expect(engine.name).toBe("onnxruntime");
    expect(note).toMatch(/^OpenVINO does not run the network, so ONNX Runtime does: ./);
    await engine.close();
  });

  test("the faster engine is kept after one window with each", async () => {
    const patchSize = [4, 4, 4];
    const path = join(scratch, "measured");
    const file = await writeConvolutionNetwork(
      { weight: [1], bias: [0] },
      {
        ...{ path, channels: 1, patchSize, kernel: 1 },
      },
    );
    const folder = findOpenvino(process.env)!;
    const openvino = { folder, onnxFiles: [file], precision: "float32" } as const;
    const { engine, note } = await openEngine(
      { engine: "measure", openvino, cpu: unknown },
      {
        ...{ onnxFiles: [file], gpuNetworks: null, device: "cpu", threads: 1, keepsFeatureMaps: false },
        window: { channels: 1, heads: 1, patchSize },
      },
    );
    expect(["onnxruntime", "openvino"]).toContain(engine.name);
    expect(note).toMatch(/ms with ONNX Runtime and \d+ ms with OpenVINO on this CPU \(A new CPU\)/);
    await engine.close();
  });
});
