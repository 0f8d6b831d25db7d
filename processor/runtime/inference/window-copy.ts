import type { Zyx } from "../../imaging/volume/axes.js";
import type { Flip } from "./mirrorings.js";

export interface CutTask {
  /** `channel × z × y × x`. */
  readonly volume: Float32Array;
  readonly sizeZyx: Zyx;
  readonly channelCount: number;
  /** The corner of the window on the volume. It may be outside, where zeros are read. */
  readonly cornerZyx: Zyx;
  readonly patchZyx: Zyx;
  readonly flip: Flip;
  /** `channel × patch`. */
  readonly window: Float32Array;
}

/** Copies one window out of the volume, with the given flip, and with zeros outside the volume. */
export function cutWindow(task: CutTask): void {
  const { volume, sizeZyx, channelCount, cornerZyx, patchZyx, flip, window } = task;
  const [sz, sy, sx] = sizeZyx;
  const [pz, py, px] = patchZyx;
  const xFrom = Math.max(0, -cornerZyx[2]);
  const xTo = Math.min(px, sx - cornerZyx[2]);
  for (let channel = 0; channel < channelCount; channel++) {
    for (let z = 0; z < pz; z++) {
      const vz = cornerZyx[0] + z;
      for (let y = 0; y < py; y++) {
        const vy = cornerZyx[1] + y;
        const target = ((channel * pz + (flip[0] ? pz - 1 - z : z)) * py + (flip[1] ? py - 1 - y : y)) * px;
        if (vz < 0 || vz >= sz || vy < 0 || vy >= sy || xTo <= xFrom) {
          window.fill(0, target, target + px);
          continue;
        }
        const source = ((channel * sz + vz) * sy + vy) * sx + cornerZyx[2];
        if (xFrom > 0 || xTo < px) window.fill(0, target, target + px);
        if (!flip[2]) {
          window.set(volume.subarray(source + xFrom, source + xTo), target + xFrom);
          continue;
        }
        for (let x = xFrom; x < xTo; x++) window[target + px - 1 - x] = volume[source + x]!;
      }
    }
  }
}

export interface AddTask {
  /** `head × patch`, as the network computed it for the flipped window. */
  readonly output: Float32Array;
  readonly heads: number;
  readonly patchZyx: Zyx;
  readonly flip: Flip;
  /** One weight for each voxel of the patch. */
  readonly importance: Float32Array;
  /** The share of this output in the window's mean. */
  readonly share: number;
  /** `slice × head × y × x`. */
  readonly sums: Float32Array;
  /** The slices, rows and columns of `sums`. */
  readonly sumsSizeZyx: Zyx;
  /** The corner of the window on `sums`, which may be outside. */
  readonly cornerZyx: Zyx;
}

/** Adds `output × importance × share`, flipped back, where the window and the sums overlap. */
export function addWindow(task: AddTask): void {
  const { output, heads, patchZyx, flip, importance, share, sums, sumsSizeZyx, cornerZyx } = task;
  const [pz, py, px] = patchZyx;
  const [sz, sy, sx] = sumsSizeZyx;
  const xFrom = Math.max(0, -cornerZyx[2]);
  const xTo = Math.min(px, sx - cornerZyx[2]);
  for (let head = 0; head < heads; head++) {
    for (let z = 0; z < pz; z++) {
      const vz = cornerZyx[0] + z;
      if (vz < 0 || vz >= sz) continue;
      for (let y = 0; y < py; y++) {
        const vy = cornerZyx[1] + y;
        if (vy < 0 || vy >= sy) continue;
        const weights = (z * py + y) * px;
        const target = ((vz * heads + head) * sy + vy) * sx + cornerZyx[2];
        const source = ((head * pz + (flip[0] ? pz - 1 - z : z)) * py + (flip[1] ? py - 1 - y : y)) * px;
        if (flip[2]) {
          const last = source + px - 1;
          for (let x = xFrom; x < xTo; x++)
            sums[target + x]! += output[last - x]! * importance[weights + x]! * share;
        } else {
          for (let x = xFrom; x < xTo; x++)
            sums[target + x]! += output[source + x]! * importance[weights + x]! * share;
        }
      }
    }
  }
}

/** Adds the importance of one window to the sum of weights, `slice × y × x`. */
export function addImportance(
  task: Pick<AddTask, "patchZyx" | "importance" | "sums" | "sumsSizeZyx" | "cornerZyx">,
): void {
  addWindow({
    ...task,
    output: task.importance,
    heads: 1,
    flip: [false, false, false],
    share: 1,
    importance: onesLike(task.importance),
  });
}

const ones = new Map<number, Float32Array>();

function onesLike({ length }: Float32Array): Float32Array {
  const known = ones.get(length) ?? new Float32Array(length).fill(1);
  ones.set(length, known);
  return known;
}
