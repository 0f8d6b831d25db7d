import { type Axis, mapZyx, perAxis, stridesOf, type Zyx } from "./axes.js";
import type { AxisTurn } from "./reorient.js";

/** A box of a volume in memory, seen along turned axes, without a copy. */
export interface GridView {
  /** The index of the view's first voxel. */
  readonly offset: number;
  /** The distances in memory between neighbours; negative along a flipped axis. */
  readonly stridesZyx: Zyx;
  readonly sizeZyx: Zyx;
}

/** A box, as index and size along each axis. */
export interface Box {
  readonly startZyx: Zyx;
  readonly sizeZyx: Zyx;
}

export const wholeBox = (sizeZyx: Zyx): Box => ({ startZyx: [0, 0, 0], sizeZyx });

/** Returns the view of a whole volume along its own axes. */
export const wholeView = (sizeZyx: Zyx): GridView => ({
  offset: 0,
  stridesZyx: stridesOf(sizeZyx),
  sizeZyx,
});

/** Returns the view of a box of a volume along turned axes. */
export function turnedView(volumeSizeZyx: Zyx, box: Box, { orderZyx, isFlippedZyx }: AxisTurn): GridView {
  const strides = stridesOf(volumeSizeZyx);
  let offset = box.startZyx.reduce((sum, start, axis) => sum + start * strides[axis as Axis], 0);
  const stridesZyx = mapZyx(orderZyx, (from, axis) => {
    const stride = strides[from as Axis];
    if (!isFlippedZyx[axis]) return stride;
    offset += (box.sizeZyx[from as Axis] - 1) * stride;
    return -stride;
  });
  return { offset, stridesZyx, sizeZyx: perAxis((axis) => box.sizeZyx[orderZyx[axis] as Axis]) };
}
