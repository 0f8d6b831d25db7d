/** What decides how many windows go through a network together. */
export interface WindowBatch {
  readonly device: "cpu" | "cuda";
  readonly dimensions: 2 | 3;
  readonly patchVoxels: number;
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

/** What a U-Net of 32 features holds at its widest: six maps of them in float16, and the search for algorithms as much again. */
const deviceBytesPerVoxel = 2 * 6 * 32 * 2;

/**
 * Windows that go through the network together. They are shared out evenly, because cuDNN searches its algorithms anew
 * for every number of windows.
 *
 * @example windowsPerRun({ rowWindows: 9, patchVoxels: 64 ** 3, … }) // 5: two runs, where at most 8 go together
 */
export function windowsPerRun(batch: WindowBatch): number {
  const most = Math.max(1, Math.min(mostWindows(batch), batch.maximumBatch));
  if (batch.device === "cpu") return most;
  return Math.ceil(batch.rowWindows / Math.ceil(batch.rowWindows / most));
}

function mostWindows({ device, dimensions, patchVoxels, freeDeviceBytes }: WindowBatch): number {
  if (device === "cpu") return dimensions === 2 ? flatWindowsOnCpu : 1;
  const fitting =
    freeDeviceBytes === null
      ? Number.POSITIVE_INFINITY
      : freeDeviceBytes / (deviceBytesPerVoxel * patchVoxels);
  return Math.floor(Math.min(busyVoxels / patchVoxels, fitting));
}
