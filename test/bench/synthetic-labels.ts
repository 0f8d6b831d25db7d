import type { Zyx } from "../../processor/imaging/volume/axes.js";

/** The size of a whole body at a scanner's full resolution. */
export const componentSizeZyx = [800, 512, 512] as const;
export const componentLabels = [1, 2, 3] as const;

/** The size of a label map with 2²⁴ voxels and few components, because the peer's time grows with their square. */
const specks = 200;

/** Returns a label map, `z × y × x`: tubes with ragged borders in three labels, and specks everywhere. */
export function syntheticLabels([slices, rows, columns]: Zyx): Uint8Array<SharedArrayBuffer> {
  const voxels = new Uint8Array(new SharedArrayBuffer(slices * rows * columns));
  let state = 3;
  let i = 0;
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++, i++) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const u = ((x + z / 4) % 160) - 80;
        const v = ((y + z / 7) % 200) - 100;
        const distance = u * u + v * v + (state >>> 24);
        if (distance < 3600) voxels[i] = 1 + ((x + y) % 3);
        else if (state >>> 8 < specks) voxels[i] = 1;
      }
    }
  }
  return voxels;
}
