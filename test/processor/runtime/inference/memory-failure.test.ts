import { expect, test } from "vitest";
import {
  mayRunWithFewerWindows,
  mentionsMemory,
} from "../../../../processor/runtime/inference/memory-failure.js";

const memory = { isMemory: true, isTriedWithFewer: true };
const cudnn = { isMemory: false, isTriedWithFewer: true };
const other = { isMemory: false, isTriedWithFewer: false };

test.each([
  [
    "Non-zero status code returned while running Conv node. … Failed to allocate memory for requested buffer of size 268435456",
    memory,
  ],
  ["Available memory of 1048576 is smaller than requested bytes of 268435456", memory],
  ["CUDA failure 2: out of memory ; GPU=0", memory],
  ["CUDA_ERROR_OUT_OF_MEMORY", memory],
  ["CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0", memory],
  ["CUDNN failure 4002: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED", memory],
  ["std::bad_alloc", memory],
  ["Array buffer allocation failed", memory],
  ["CUDNN_FE failure 8: GRAPH_EXECUTION_FAILED", cudnn],
  ["CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED", cudnn],
  ["CUDA failure 700: an illegal memory access was encountered", other],
  ["Got invalid dimensions for input: windows", other],
])("“%s” means %o", (message, { isMemory, isTriedWithFewer }) => {
  expect(mentionsMemory(message)).toBe(isMemory);
  expect(mayRunWithFewerWindows(message)).toBe(isTriedWithFewer);
});
