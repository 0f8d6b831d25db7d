import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { findOpenvino } from "../../../../../processor/runtime/inference/engines/engine-choice.js";
import type { CpuPrecision } from "../../../../../processor/runtime/inference/engines/inference-engine.js";
import { openvinoWords } from "../../../../../processor/runtime/inference/engines/openvino-calls.js";
import { OpenvinoNetworks } from "../../../../../processor/runtime/inference/engines/openvino-networks.js";
import { createSharedRegion } from "../../../../../processor/runtime/inference/engines/shared-region.js";
import { writeConvolutionNetwork } from "../../../../support/model/convolution-network.js";
import { describeWith, needs } from "../../../../support/needs.js";

const scratch = mkdtempSync(join(tmpdir(), "openvino-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const patchSize = [8, 8, 8];
const regionBytes = 2 * 8 ** 3 * 4;

/** Compiles a network of one convolution and returns the value that OpenVINO uses for a setting. */
async function usedSetting(key: string, precision: CpuPrecision, threads: number): Promise<string> {
  const path = join(mkdtempSync(join(scratch, "network-")), "fold_0");
  const file = await writeConvolutionNetwork(
    { weight: [2], bias: [1] },
    { path, channels: 1, patchSize, kernel: 1 },
  );
  const region = createSharedRegion(regionBytes);
  try {
    const networks = new OpenvinoNetworks(
      {
        folder: findOpenvino(process.env)!,
        onnxFiles: [file],
        window: { channels: 1, heads: 1, patchSize },
        threads,
        precision,
        engine: "openvino",
        holdsAllFolds: true,
      },
      { memory: region.memory, places: [{ input: 0, output: regionBytes / 2 }] },
    );
    await networks.open();
    return networks.property(0, key);
  } finally {
    region.close();
  }
}

describeWith([needs.openvino], "a network that OpenVINO has compiled", () => {
  test("computes in float32, although OpenVINO's own default may have fewer bits", async () => {
    expect(await usedSetting("INFERENCE_PRECISION_HINT", "float32", 1)).toBe("f32");
  });

  test("has the threads that were asked for, in one stream", async () => {
    expect(await usedSetting("INFERENCE_NUM_THREADS", "float32", 1)).toBe("1");
    expect(await usedSetting("NUM_STREAMS", "float32", 2)).toBe("1");
  });
});

describeWith([needs.openvino, needs.bfloat16], "a network in bfloat16", () => {
  test("computes in bfloat16", async () => {
    expect(await usedSetting("INFERENCE_PRECISION_HINT", "bfloat16", 1)).toBe("bf16");
  });
});

test("OpenVINO's messages are shown without the lines that name its source files", () => {
  const message =
    "Exception from src/inference/src/cpp/core.cpp:95:\nCheck 'false' failed at src/frontends/common/src/frontend.cpp:57:\nUnable to read the model: x.onnx\n\n";
  expect(openvinoWords(message)).toBe("Unable to read the model: x.onnx");
});
