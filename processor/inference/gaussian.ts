/** nnU-Net's sigma_scale: an eighth of the patch. */
const sigmaScale = 1 / 8;

/** scipy's `gaussian_filter` cuts the kernel off after this many sigmas. */
const truncation = 4;

/**
 * How much each voxel of a window counts: a Gaussian around its centre with peak 1, as scipy's `gaussian_filter` gives
 * it for a single one in the middle. No weight is zero.
 *
 * @param patch voxels along each axis, slowest first
 */
export function gaussianImportance(patch: readonly number[]): Float32Array {
  const axes = patch.map(axisWeights);
  let weights = Float64Array.of(1);
  for (const axis of axes) {
    const next = new Float64Array(weights.length * axis.length);
    for (let i = 0; i < weights.length; i++) {
      for (let j = 0; j < axis.length; j++) next[i * axis.length + j] = weights[i]! * axis[j]!;
    }
    weights = next;
  }
  const result = Float32Array.from(weights);
  const smallest = result.reduce((least, weight) => (weight > 0 && weight < least ? weight : least), 1);
  for (let i = 0; i < result.length; i++) if (result[i] === 0) result[i] = smallest;
  return result;
}

function axisWeights(size: number): Float64Array {
  const centre = Math.floor(size / 2);
  const sigma = size * sigmaScale;
  const radius = Math.floor(truncation * sigma + 0.5);
  return Float64Array.from({ length: size }, (_, i) => {
    const distance = Math.abs(i - centre);
    return distance > radius ? 0 : Math.exp((-0.5 * distance * distance) / (sigma * sigma));
  });
}
