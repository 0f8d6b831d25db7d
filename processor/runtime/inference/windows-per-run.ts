/** The facts that decide how many windows go through a network together. */
export interface WindowBatch {
  readonly device: "cpu" | "cuda";
  /** The most windows that go together on a CPU. */
  readonly windowsOnCpu: number;
  readonly patchVoxels: number;
  /** The number of the network's heads. */
  readonly heads: number;
  /** The number of windows in a row, which is the same for every row of a case. */
  readonly rowWindows: number;
  /** The most windows that the network accepts and for which memory was sufficient so far; infinity for any number. */
  readonly maximumBatch: number;
  /** The free memory of the device before the first window; null if it is unknown. */
  readonly freeDeviceBytes: number | null;
}

/** The number of voxels that keep every GPU busy. More voxels at once would only need more memory. */
const busyVoxels = 128 ** 3;

/**
 * The memory of a U-Net of 32 features at its widest: six maps of 32 features in float16, and as much again for cuDNN's
 * workspace.
 */
const featureBytesPerVoxel = 2 * 6 * 32 * 2;

/**
 * The memory of a head: in float32 four copies of the sum and one output; in float16 the output before and after its
 * flips.
 */
const headBytesPerVoxel = 5 * 4 + 4 * 2;

/**
 * Returns the number of windows that go through the network together. On a GPU, every run of a row has the same number,
 * and windows are repeated to fill the last run, so the number is chosen to repeat few windows.
 *
 * @example windowsPerRun({ rowWindows: 9, patchVoxels: 64 ** 3, … }) // 3: three runs, if at most 8 windows go together
 */
export function windowsPerRun(batch: WindowBatch): number {
  const most = Math.max(1, Math.min(mostWindows(batch), batch.maximumBatch));
  return batch.device === "cpu" ? most : evenRunSize(batch.rowWindows, most);
}

/**
 * Chooses the run count (between the minimum and twice the minimum) that repeats the fewest windows, and returns the
 * number of windows in each run.
 */
function evenRunSize(rowWindows: number, most: number): number {
  const fewestRuns = Math.ceil(rowWindows / most);
  const sizes = Array.from({ length: fewestRuns + 1 }, (_, more) =>
    Math.ceil(rowWindows / (fewestRuns + more)),
  );
  const computed = (size: number) => size * Math.ceil(rowWindows / size);
  return sizes.reduce((best, size) => (computed(size) < computed(best) ? size : best));
}

function mostWindows(batch: WindowBatch): number {
  const { device, windowsOnCpu, patchVoxels, heads, freeDeviceBytes } = batch;
  if (device === "cpu") return windowsOnCpu;
  const windowBytes = (featureBytesPerVoxel + heads * headBytesPerVoxel) * patchVoxels;
  const fitting = (freeDeviceBytes ?? Number.POSITIVE_INFINITY) / windowBytes;
  return Math.floor(Math.min(mostDeviceWindows(patchVoxels), fitting));
}

/** Returns the most windows that go together on a GPU, however much memory it has. */
export const mostDeviceWindows = (patchVoxels: number): number =>
  Math.max(1, Math.floor(busyVoxels / patchVoxels));
