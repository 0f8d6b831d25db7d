import { describe, expect, test } from "vitest";
import { type WindowBatch, windowsPerRun } from "../../../../processor/runtime/inference/windows-per-run.js";

const gpu: WindowBatch = {
  ...{ device: "cuda", windowsOnCpu: 1, patchVoxels: 64 ** 3, rowWindows: 96 },
  heads: 2,
  ...{ maximumBatch: Number.POSITIVE_INFINITY, freeDeviceBytes: null },
};
const gibibyte = 2 ** 30;

describe("windows that go through a network together", () => {
  test.each([
    ["a window of 128³ runs alone", { patchVoxels: 128 ** 3 }, 1],
    ["a larger window runs alone too", { patchVoxels: 160 * 192 * 160 }, 1],
    ["as many windows of 64³ run together as fill a window of 128³", {}, 8],
    ["a row is divided so that no window is computed twice", { rowWindows: 9 }, 3],
    ["a row is divided so that as few windows as possible are computed twice", { rowWindows: 13 }, 7],
    ["a row is divided into at most twice the minimum number of runs", { rowWindows: 7, maximumBatch: 5 }, 4],
    ["a row with few windows runs at once", { rowWindows: 3 }, 3],
    ["slices of 512² run in groups of eight", { patchVoxels: 512 ** 2 }, 8],
    ["a network that accepts one window gets one", { maximumBatch: 1 }, 1],
    ["fewer windows run together if memory is scarce", { freeDeviceBytes: 0.5 * gibibyte }, 2],
    ["many classes need memory too", { freeDeviceBytes: 6 * gibibyte, heads: 118 }, 6],
    ["one window runs even if memory seems too small for it", { freeDeviceBytes: 1 }, 1],
  ] as const)("on a GPU: %s", (_, change, windows) => {
    expect(windowsPerRun({ ...gpu, ...change })).toBe(windows);
  });

  test.each([
    ["a 3-D window runs alone, whatever its size", { patchVoxels: 1000 }, 1],
    ["slices run in groups of eight, even if the row has fewer", { windowsOnCpu: 8, rowWindows: 3 }, 8],
    ["a network that accepts two windows gets two", { windowsOnCpu: 8, maximumBatch: 2 }, 2],
  ] as const)("on a CPU: %s", (_, change, windows) => {
    expect(windowsPerRun({ ...gpu, device: "cpu", ...change })).toBe(windows);
  });
});
