import type { Zyx } from "../../processor/imaging/volume/axes.js";

/** Returns a generator that yields the same numbers in every run. */
function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Returns a CT of a body in Hounsfield units, `z × y × x`: air, noisy soft tissue and a denser spine. */
export function syntheticCt(sizeZyx: Zyx): Float32Array<SharedArrayBuffer> {
  const [slices, rows, columns] = sizeZyx;
  const voxels = new Float32Array(new SharedArrayBuffer(slices * rows * columns * 4));
  const random = createRandom(7);
  let i = 0;
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const u = (2 * x) / columns - 1;
        const v = (2 * y) / rows - 1;
        const inBody = (u / 0.85) ** 2 + (v / 0.6) ** 2 < 1;
        const inSpine = (u / 0.08) ** 2 + ((v - 0.4) / 0.1) ** 2 < 1;
        const level = inSpine ? 400 : inBody ? 40 + 60 * Math.sin(z / 9 + 4 * u) : -1000;
        voxels[i++] = Math.round(level + 30 * (random() - 0.5));
      }
    }
  }
  return voxels;
}

/**
 * Writes one slice of logits, `head × y × x`. Head 0 is the background and every other head is a blob like an organ, so
 * that labels, borders and background have realistic proportions.
 */
export function fillSyntheticLogits(
  slice: Float32Array,
  at: { readonly z: number; readonly heads: number; readonly sizeZyx: Zyx },
): void {
  const [slices, rows, columns] = at.sizeZyx;
  const noise = createRandom(at.z + 1);
  for (let head = 0; head < at.heads; head++) {
    const place = createRandom(1000 + head);
    const centre = [place() * 0.8 + 0.1, place() * 0.8 + 0.1, place() * 0.8 + 0.1] as const;
    const radius = 0.06 + 0.12 * place();
    const dz = (at.z / slices - centre[0]) ** 2;
    let i = head * rows * columns;
    for (let y = 0; y < rows; y++) {
      const dy = (y / rows - centre[1]) ** 2;
      for (let x = 0; x < columns; x++, i++) {
        const distance = Math.sqrt(dz + dy + (x / columns - centre[2]) ** 2);
        slice[i] = head === 0 ? 0 : Math.max(-15, 60 * (radius - distance)) + 2 * (noise() - 0.5);
      }
    }
  }
}

/** Writes a `.npy` file for the peer. */
export function npyBytes(values: Float32Array, shape: readonly number[]): Buffer {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = Buffer.from(`${text.padEnd(117)}\n`, "latin1");
  const prefix = Buffer.from([
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    1,
    0,
    header.length & 255,
    header.length >> 8,
  ]);
  return Buffer.concat([prefix, header, Buffer.from(values.buffer, values.byteOffset, values.byteLength)]);
}

/** The size of a CT of a trunk, and of the grid that a 1.5 mm network has for it. */
export const ctSizeZyx = [300, 512, 512] as const;
export const ctSpacingMmZyx = [1, 0.7, 0.7] as const;
export const targetSpacingMm = 1.5;
export const networkSizeZyx = [200, 239, 239] as const;
export const exportHeads = 25;
