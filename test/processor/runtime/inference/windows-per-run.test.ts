import { describe, expect, test } from "vitest";
import { type WindowBatch, windowsPerRun } from "../../../../processor/runtime/inference/windows-per-run.js";

const gpu: WindowBatch = {
  ...{ device: "cuda", dimensions: 3, patchVoxels: 64 ** 3, rowWindows: 96 },
  heads: 2,
  ...{ maximumBatch: Number.POSITIVE_INFINITY, freeDeviceBytes: null },
};
const gibibyte = 2 ** 30;

describe("windows that go through a network together", () => {
  test.each([
    ["a window of 128³ goes alone", { patchVoxels: 128 ** 3 }, 1],
    ["a larger one too", { patchVoxels: 160 * 192 * 160 }, 1],
    ["windows of 64³ fill the GPU as one of 128³ does", {}, 8],
    ["a row is shared out so that no window is computed twice", { rowWindows: 9 }, 3],
    ["or as few as possible", { rowWindows: 13 }, 7],
    ["in at most twice as many runs", { rowWindows: 7, maximumBatch: 5 }, 4],
    ["a row of fewer goes at once", { rowWindows: 3 }, 3],
    ["slices of 512² go in eights", { dimensions: 2, patchVoxels: 512 ** 2 }, 8],
    ["a network that takes one gets one", { maximumBatch: 1 }, 1],
    ["little memory takes fewer", { freeDeviceBytes: 0.5 * gibibyte }, 2],
    ["many classes take memory too", { freeDeviceBytes: 6 * gibibyte, heads: 118 }, 6],
    ["and still one where it seems too little: the run will tell", { freeDeviceBytes: 1 }, 1],
  ] as const)("on a GPU: %s", (_, change, windows) => {
    expect(windowsPerRun({ ...gpu, ...change })).toBe(windows);
  });

  test.each([
    ["a 3-D window goes alone, whatever its size", { patchVoxels: 1000 }, 1],
    ["slices go in eights, also where fewer are left", { dimensions: 2, rowWindows: 3 }, 8],
    ["a network that takes two gets two", { dimensions: 2, maximumBatch: 2 }, 2],
  ] as const)("on a CPU: %s", (_, change, windows) => {
    expect(windowsPerRun({ ...gpu, device: "cpu", ...change })).toBe(windows);
  });
});
