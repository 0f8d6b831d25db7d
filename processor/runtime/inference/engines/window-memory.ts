import { headRanges } from "../../../contract/head-ranges.js";
import type { MemoryOrder, RunPlace } from "./engine-messages.js";
import type { WindowShape } from "./inference-engine.js";
import { createSharedRegion, type MappedMemory } from "./shared-region.js";

/** The memory in which windows go to the process that computes, and outputs come back. */
export interface WindowMemory {
  readonly order: MemoryOrder;
  readonly memory: MappedMemory;
  /** The file descriptor that the process inherits; null if messages carry copies. */
  readonly descriptor: number | null;
  close(): void;
}

export interface WindowMemorySize {
  readonly window: WindowShape;
  /** The most windows of one run. */
  readonly mostWindows: number;
  readonly runsInFlight: number;
  /** True if the engine must find windows at an address. */
  readonly mustBeShared: boolean;
}

/**
 * Creates memory for windows and outputs. Systems other than Linux, and base images of a user's own without the package
 * that calls functions of C, share no memory.
 *
 * @throws Error if memory must be shared, and cannot be
 */
export function createWindowMemory(size: WindowMemorySize): WindowMemory {
  const { places, regionBytes } = layOut(size);
  try {
    const { memory, descriptor, close } = createSharedRegion(regionBytes, partStartsOf(places));
    return { order: { places, regionBytes, isShared: true }, memory, descriptor, close };
  } catch (error) {
    if (size.mustBeShared) throw error;
    return copiedWindowMemory(size);
  }
}

/** Creates memory whose windows and outputs are copied into messages. */
export function copiedWindowMemory(size: Omit<WindowMemorySize, "mustBeShared">): WindowMemory {
  const { places, regionBytes } = layOut(size);
  return {
    order: { places, regionBytes, isShared: false },
    memory: ownMemory(regionBytes),
    descriptor: null,
    close() {},
  };
}

/** Returns where inputs and outputs begin: each is a part of the memory. */
export const partStartsOf = (places: readonly RunPlace[]): readonly number[] =>
  places.flatMap(({ input, output }) => [input, output]);

/** Memory of this process alone. */
export function ownMemory(bytes: number): MappedMemory {
  const buffer = new ArrayBuffer(bytes);
  return {
    address: 0n,
    floats: (byteOffset, length) => new Float32Array(buffer, byteOffset, length),
    bytes: (byteOffset, length) => new Uint8Array(buffer, byteOffset, length),
    unmap() {},
  };
}

export const patchVoxels = ({ patchSize }: WindowShape): number => patchSize.reduce((a, b) => a * b, 1);

/** Returns the size of an output, in float32 or, of a graph that averages, in float16. */
export const outputBytes = (window: WindowShape, windows: number, isAverage: boolean): number =>
  windows * window.heads * patchVoxels(window) * (isAverage ? 2 : 4);

/** Returns the place in an output of the mean of each group of heads, in bytes from the output's start. */
export function meanPlaces(window: WindowShape, windows: number) {
  const perHead = windows * patchVoxels(window);
  return headRanges(window.heads).map(({ from, to }) => ({
    start: from * perHead * 2,
    length: (to - from) * perHead,
  }));
}

const pageBytes = 4096;

/** Puts the inputs and outputs of all runs one after the other, each from the start of a page. */
function layOut({ window, mostWindows, runsInFlight }: Omit<WindowMemorySize, "mustBeShared">) {
  let regionBytes = 0;
  const place = (bytes: number): number => {
    const start = regionBytes;
    regionBytes += Math.ceil(bytes / pageBytes) * pageBytes;
    return start;
  };
  const places = Array.from({ length: runsInFlight }, (): RunPlace => {
    const input = place(4 * mostWindows * patchVoxels(window) * window.channels);
    return { input, output: place(outputBytes(window, mostWindows, false)) };
  });
  return { places, regionBytes };
}
