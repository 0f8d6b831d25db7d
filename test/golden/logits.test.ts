import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { windowShape } from "../../processor/runtime/inference/network-set.js";
import { openNetworks } from "../../processor/runtime/inference/networks.js";
import { openPool } from "../../processor/runtime/threads/open-pool.js";
import { difference, readNpyGz } from "../support/golden.js";
import { goldenV2, prepareGolden, withGoldenCase } from "../support/model/golden-case.js";
import { describeWith, needs } from "../support/needs.js";

const pool = openPool();
afterAll(() => pool.close());

// The brain has no golden logits.
const withLogits = goldenV2.filter((name) => name !== "brain_tissue_3d");

describe("the sliding window adds up to nnU-Net's logits (fold 0, no mirroring, step 0.5)", () => {
  test.each(withLogits)("%s", (name) => expectGoldenLogits(name, "onnxruntime"));
});

describeWith([needs.openvino], "OpenVINO adds up to nnU-Net's logits", () => {
  test.each(withLogits)("%s", (name) => expectGoldenLogits(name, "openvino"));
});

async function expectGoldenLogits(name: string, inferenceEngine: "onnxruntime" | "openvino"): Promise<void> {
  await withGoldenCase(name, async (golden) => {
    const { model } = golden;
    const prepared = await prepareGolden(golden, pool);
    const networks = await openNetworks({
      onnxFiles: [join(golden.folder, model.folds[0]!.onnxFile)],
      plainOnnxFiles: [join(golden.folder, model.folds[0]!.plainOnnxFile!)],
      inferenceEngine,
      window: windowShape(model),
      device: "cpu",
    });
    try {
      const stream = networks.predict(prepared, {
        ...{ plan: model.plan, labels: model.labels, heads: model.network.outputChannels },
        maximumBatch: null,
        ...{ stepSize: 0.5, mirrorAxes: [], startProgress: () => ({ advance: () => {}, done: () => {} }) },
        signal: new AbortController().signal,
      });
      const expected = readNpyGz(join(golden.expectedDir, "logits_fp32.npy.gz"));
      expect([stream.heads, ...stream.sizeZyx]).toEqual(expected.shape);
      const found = new Float32Array(expected.data.length);
      const plane = stream.sizeZyx[1] * stream.sizeZyx[2];
      for await (const { zStart, sizeZyx, values } of stream.slabs) {
        for (let z = 0; z < sizeZyx[0]; z++) {
          for (let head = 0; head < stream.heads; head++) {
            const from = (z * stream.heads + head) * plane;
            found.set(values.subarray(from, from + plane), (head * stream.sizeZyx[0] + zStart + z) * plane);
          }
        }
      }
      // Logits span ±50; torch, ONNX Runtime and OpenVINO sum in different orders.
      const { max, mean } = difference(found, expected.data);
      expect(max).toBeLessThanOrEqual(2e-2);
      expect(mean).toBeLessThanOrEqual(inferenceEngine === "openvino" ? 1e-3 : 5e-4);
    } finally {
      await networks.close();
    }
  });
}
