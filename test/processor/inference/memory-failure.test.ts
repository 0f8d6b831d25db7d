import { expect, test } from "vitest";
import { mayFitFewer, tellsOfMemory } from "../../../processor/inference/memory-failure.js";

test.each([
  "Non-zero status code returned while running Conv node. … Failed to allocate memory for requested buffer of size 268435456",
  "Available memory of 1048576 is smaller than requested bytes of 268435456",
  "CUDA failure 2: out of memory ; GPU=0",
  "CUDA_ERROR_OUT_OF_MEMORY",
  "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0",
  "CUDNN failure 4002: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
  "std::bad_alloc",
  "Array buffer allocation failed",
])("too little memory is what “%s” tells of", (message) => {
  expect(tellsOfMemory(message)).toBe(true);
});

test.each([
  "CUDA failure 700: an illegal memory access was encountered",
  "CUDNN_FE failure 8: GRAPH_EXECUTION_FAILED",
  "Got invalid dimensions for input: windows",
])("but not “%s”", (message) => {
  expect(tellsOfMemory(message)).toBe(false);
});

test.each([
  ["CUDNN_FE failure 8: GRAPH_EXECUTION_FAILED", true],
  ["CUDNN failure 5000: CUDNN_STATUS_EXECUTION_FAILED", true],
  ["CUDA failure 2: out of memory", true],
  ["CUDA failure 700: an illegal memory access was encountered", false],
])("after “%s” fewer windows are tried: %s", (message, isTried) => {
  expect(mayFitFewer(message)).toBe(isTried);
});
