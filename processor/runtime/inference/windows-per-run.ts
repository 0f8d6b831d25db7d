/** What decides how many windows go through a network together. */
export interface WindowBatch {
  readonly device: "cpu" | "cuda";
  readonly dimensions: 2 | 3;
  readonly patchVoxels: number;
  /** Of the network. */
  readonly heads: number;
  /** Windows of one row: every row of a case has as many. */
  readonly rowWindows: number;
  /** The most that the network takes, and memory was seen to hold; infinity for any number. */
  readonly maximumBatch: number;
  /** Of the device, before the first window; null when nobody tells. */
  readonly freeDeviceBytes: number | null;
}

/** A CPU gains from windows side by side only where they are as small as slices. */
const flatWindowsOnCpu = 8;

/** A window of 128³ keeps every GPU busy; more voxels at once only take memory. */
const busyVoxels = 128 ** 3;

/** What a U-Net of 32 features holds at its widest: six maps of them in float16, and cuDNN's workspace as much again. */
const featureBytesPerVoxel = 2 * 6 * 32 * 2;

/** For each head: the sum of the runs four times in float32, the answer once; in float16 the answer before and after its flips. */
const headBytesPerVoxel = 5 * 4 + 4 * 2;

/**
 * Windows that go through the network together. On a GPU every run of a row takes as many, the last with windows
 * repeated: so many that few are.
 *
 * @example windowsPerRun({ rowWindows: 9, patchVoxels: 64 ** 3, … }) // 3: three runs, where at most 8 go together
 */
export function windowsPerRun(batch: WindowBatch): number {
  const most = Math.max(1, Math.min(mostWindows(batch), batch.maximumBatch));
  return batch.device === "cpu" ? most : shareOut(batch.rowWindows, most);
}

/** Of the fewest runs and up to twice as many those that repeat the fewest windows. */
function shareOut(rowWindows: number, most: number): number {
  const fewestRuns = Math.ceil(rowWindows / most);
  const sizes = Array.from({ length: fewestRuns + 1 }, (_, more) =>
    Math.ceil(rowWindows / (fewestRuns + more)),
  );
  const computed = (size: number) => size * Math.ceil(rowWindows / size);
  return sizes.reduce((best, size) => (computed(size) < computed(best) ? size : best));
}

function mostWindows(batch: WindowBatch): number {
  const { device, dimensions, patchVoxels, heads, freeDeviceBytes } = batch;
  if (device === "cpu") return dimensions === 2 ? flatWindowsOnCpu : 1;
  const windowBytes = (featureBytesPerVoxel + heads * headBytesPerVoxel) * patchVoxels;
  const fitting = (freeDeviceBytes ?? Number.POSITIVE_INFINITY) / windowBytes;
  return Math.floor(Math.min(busyVoxels / patchVoxels, fitting));
}
