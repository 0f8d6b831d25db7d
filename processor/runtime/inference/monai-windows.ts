import type { NvidiaRules } from "../../contract/manifest.js";
import { erf } from "./erf.js";

/**
 * Returns the starts of MONAI's windows along one axis: in steps of `patch × (1 − overlap)`, cut to a whole number; the
 * last window ends at the border.
 *
 * @param size the number of voxels along the axis, at least `patch`
 * @example monaiStarts(100, 32, 0.25) // [0, 24, 48, 68]
 */
export function monaiStarts(size: number, patch: number, overlap: number): readonly number[] {
  const step = size === patch ? patch : Math.max(1, Math.trunc(patch * (1 - overlap)));
  const starts: number[] = [];
  for (let start = 0; ; start += step) {
    starts.push(Math.min(start, size - patch));
    if (start + patch >= size) return starts;
  }
}

/** The least weight. */
const floor = 1e-3;

/**
 * Returns the weight of each voxel of a window as MONAI computes it.
 *
 * - `gaussian`: since MONAI 1.1, a Gaussian of sigma `patch / 8` at the voxels' distances from the window's centre.
 * - `gaussian-1.0`: until MONAI 1.0, a 1 in the middle, filtered with a Gaussian that is integrated over each voxel and cut
 * off after 4 sigma; relative to its largest value.
 */
export function monaiImportance(patch: readonly number[], blend: NvidiaRules["blend"]): Float32Array {
  const count = patch.reduce((a, b) => a * b, 1);
  if (blend === "constant") return new Float32Array(count).fill(1);
  const ofAxis = blend === "gaussian" ? sampledAxis : integratedAxis;
  let weights = Float64Array.of(1);
  for (const axis of patch.map(ofAxis)) {
    const next = new Float64Array(weights.length * axis.length);
    for (let i = 0; i < weights.length; i++)
      for (let j = 0; j < axis.length; j++) next[i * axis.length + j] = weights[i]! * axis[j]!;
    weights = next;
  }
  const peak = blend === "gaussian" ? 1 : weights.reduce((largest, weight) => Math.max(largest, weight), 0);
  return Float32Array.from(weights, (weight) => Math.max(weight / peak, floor));
}

const sigmaScale = 1 / 8;

function sampledAxis(size: number): Float64Array {
  const sigma = size * sigmaScale;
  return Float64Array.from({ length: size }, (_, i) => {
    const distance = i - (size - 1) / 2;
    return Math.exp((distance * distance) / (-2 * sigma * sigma));
  });
}

function integratedAxis(size: number): Float64Array {
  const centre = Math.floor(size / 2);
  const sigma = size * sigmaScale;
  const tail = Math.trunc(Math.max(sigma * 4, 0.5) + 0.5);
  const t = Math.SQRT1_2 / sigma;
  return Float64Array.from({ length: size }, (_, i) => {
    const distance = i - centre;
    if (Math.abs(distance) > tail) return 0;
    return Math.max(0, 0.5 * (erf(t * (distance + 0.5)) - erf(t * (distance - 0.5))));
  });
}
