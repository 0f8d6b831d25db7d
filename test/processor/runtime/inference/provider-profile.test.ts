import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import {
  countProviders,
  describeProviders,
  openProfiledSession,
} from "../../../../processor/runtime/inference/provider-profile.js";
import { writeConvolutionNetwork } from "../../../support/model/convolution-network.js";

const scratch = mkdtempSync(join(tmpdir(), "provider-profile-"));
afterAll(() => rmSync(scratch, { recursive: true }));

describe("the execution provider that ran", () => {
  test("is read from ONNX Runtime's own records, which are removed afterwards", async () => {
    const onnxFile = await writeConvolutionNetwork(
      { weight: [2], bias: [1] },
      { path: join(scratch, "net"), channels: 1, patchSize: [4, 4, 4], kernel: 1 },
    );
    const before = readdirSync(tmpdir()).filter((name) => name.startsWith("nnunet-processor-profile-"));
    const { session, providers } = await openProfiledSession(onnxFile, { executionProviders: ["cpu"] });
    expect(providers).toEqual({ CPUExecutionProvider: 1 });
    expect(session.inputNames).toEqual(["input"]);
    const after = readdirSync(tmpdir()).filter((name) => name.startsWith("nnunet-processor-profile-"));
    expect(after.filter((name) => !before.includes(name))).toEqual([]);
  });

  test("counts each node's kernel once, without the session's own records", () => {
    const node = (name: string, provider: string) => ({ cat: "Node", name, args: { provider } });
    const profile = JSON.stringify([
      { cat: "Session", name: "model_loading_uri", args: {} },
      node("conv1_fence_before", "CUDAExecutionProvider"),
      node("conv1_kernel_time", "CUDAExecutionProvider"),
      node("conv2_kernel_time", "CUDAExecutionProvider"),
      node("shape_kernel_time", "CPUExecutionProvider"),
    ]);
    expect(countProviders(profile)).toEqual({ CUDAExecutionProvider: 2, CPUExecutionProvider: 1 });
  });

  test.each([
    { counts: { CUDAExecutionProvider: 118 }, words: "CUDAExecutionProvider" },
    {
      counts: { CPUExecutionProvider: 2, CUDAExecutionProvider: 118 },
      words: "CUDAExecutionProvider (118 nodes) and CPUExecutionProvider (2 nodes)",
    },
  ])("is described as $words", ({ counts, words }) => {
    expect(describeProviders(counts)).toBe(words);
  });
});
