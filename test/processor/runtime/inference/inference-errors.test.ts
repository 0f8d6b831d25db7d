import { expect, test } from "vitest";
import { runError } from "../../../../processor/runtime/inference/inference-errors.js";

const run = { patchSize: [64, 96, 96], executionProvider: "CUDAExecutionProvider" };

test("a window that is too large for a GPU's memory is OUT_OF_MEMORY, with the window's size and a remedy", () => {
  const message = "/src/cuda_call.cc:154 … CUDA failure 2: out of memory ; GPU=0 ; hostname=h";
  expect(runError({ type: "failed", reason: "memory", message }, run)).toMatchObject({
    code: "OUT_OF_MEMORY",
    message:
      "the GPU's memory is too small for one window of 64 × 96 × 96 voxels: CUDA failure 2: out of memory; use a larger GPU, or --device cpu",
  });
});

test.each([
  ["Array buffer allocation failed for the sums of windows", "OUT_OF_MEMORY"],
  ["CUDA failure 700: an illegal memory access was encountered", "INFERENCE_FAILED"],
  ["Got invalid dimensions for input: windows", "INFERENCE_FAILED"],
])("a run that ends with “%s” is %s", (message, code) => {
  expect(runError({ type: "failed", reason: "run", message }, run)).toMatchObject({ code });
});
