import { voxelCount, type Zyx } from "../../imaging/volume/axes.js";
import { type Components, labelComponents } from "../../imaging/volume/connected-components.js";
import type { Box } from "../../imaging/volume/grid-view.js";

export type Labels = Uint8Array<SharedArrayBuffer>;

/** Labels `z × y × x` with their size. */
export interface LabelVolume {
  readonly voxels: Labels;
  readonly sizeZyx: Zyx;
}

/** Returns the box around each label that is not 0. */
export function labelBoxes({ voxels, sizeZyx }: LabelVolume): ReadonlyMap<number, Box> {
  const [slices, rows, columns] = sizeZyx;
  const first = new Int32Array(256 * 3).fill(2 ** 31 - 1);
  const last = new Int32Array(256 * 3).fill(-1);
  for (let z = 0, at = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        const label = voxels[at]!;
        if (label === 0) continue;
        const i = label * 3;
        if (z < first[i]!) first[i] = z;
        if (y < first[i + 1]!) first[i + 1] = y;
        if (x < first[i + 2]!) first[i + 2] = x;
        if (z > last[i]!) last[i] = z;
        if (y > last[i + 1]!) last[i + 1] = y;
        if (x > last[i + 2]!) last[i + 2] = x;
      }
  const boxes = new Map<number, Box>();
  for (let label = 1; label < 256; label++) {
    const i = label * 3;
    if (last[i]! < 0) continue;
    const startZyx: Zyx = [first[i]!, first[i + 1]!, first[i + 2]!];
    const size: Zyx = [
      last[i]! - first[i]! + 1,
      last[i + 1]! - first[i + 1]! + 1,
      last[i + 2]! - first[i + 2]! + 1,
    ];
    boxes.set(label, { startZyx, sizeZyx: size });
  }
  return boxes;
}

/** Calls `visit` for each row of a box, with the indices of its first voxel in the volume and in the box. */
export function eachRowOf(
  [, rows, columns]: Zyx,
  { startZyx, sizeZyx }: Box,
  visit: (inVolume: number, inBox: number) => void,
): void {
  for (let z = 0; z < sizeZyx[0]; z++)
    for (let y = 0; y < sizeZyx[1]; y++)
      visit(
        ((z + startZyx[0]) * rows + y + startZyx[1]) * columns + startZyx[2],
        (z * sizeZyx[1] + y) * sizeZyx[2],
      );
}

/** The connected parts (6 neighbours) of one label, within its box. */
export interface LabelParts {
  readonly box: Box;
  readonly components: Components;
  /** Sets the voxels of the parts that `isChosen` accepts. */
  paint(isChosen: (component: number) => boolean, value: number): void;
}

export function labelParts(volume: LabelVolume, label: number, box: Box): LabelParts {
  const { voxels, sizeZyx } = volume;
  const mask = new Uint8Array(voxelCount(box.sizeZyx));
  const width = box.sizeZyx[2];
  eachRowOf(sizeZyx, box, (inVolume, inBox) => {
    for (let x = 0; x < width; x++) if (voxels[inVolume + x] === label) mask[inBox + x] = 1;
  });
  const components = labelComponents(mask, { sizeZyx: box.sizeZyx, labels: [1], connectivity: 6 });
  return {
    box,
    components,
    paint(isChosen, value) {
      const { runStart, runLength, runComponent } = components;
      for (let run = 0; run < runStart.length; run++) {
        if (!isChosen(runComponent[run]!)) continue;
        const start = indexInVolume(runStart[run]!, box, sizeZyx);
        voxels.fill(value, start, start + runLength[run]!);
      }
    },
  };
}

function indexInVolume(inBox: number, { startZyx, sizeZyx }: Box, [, rows, columns]: Zyx): number {
  const x = inBox % sizeZyx[2];
  const row = Math.floor(inBox / sizeZyx[2]);
  const y = row % sizeZyx[1];
  const z = Math.floor(row / sizeZyx[1]);
  return ((z + startZyx[0]) * rows + y + startZyx[1]) * columns + x + startZyx[2];
}
