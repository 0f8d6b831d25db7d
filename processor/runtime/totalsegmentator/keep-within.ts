import { dilated } from "./dilate.js";
import type { Labels, LabelVolume } from "./label-boxes.js";

export interface KeepWithinTask extends LabelVolume {
  /** The rough segmentation, on the same grid. */
  readonly rough: Labels;
  readonly roughLabels: readonly number[];
  readonly steps: number;
}

/** Erases what is more than a number of steps along the axes away from some labels of a rough segmentation, in place. */
export function keepWithin({ voxels, sizeZyx, rough, roughLabels, steps }: KeepWithinTask): void {
  const isNear = dilated(
    Uint8Array.from(rough, (label) => (roughLabels.includes(label) ? 1 : 0)),
    sizeZyx,
    steps,
  );
  for (let i = 0; i < voxels.length; i++) if (isNear[i] === 0) voxels[i] = 0;
}
