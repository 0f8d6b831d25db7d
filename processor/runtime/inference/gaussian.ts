import { roundToHalf } from "../../imaging/volume/float16.js";

/** The ratio of sigma to the patch size, nnU-Net's sigma_scale. */
const sigmaScale = 1 / 8;

/** The number of sigmas after which scipy's `gaussian_filter` cuts off the kernel. */
const truncation = 4;

/** The largest weight, nnU-Net's value_scaling_factor. It matters because the map is rounded to float16. */
const peak = 10;

/**
 * Returns the weight of each voxel of a window: a Gaussian around the window's centre, as scipy's `gaussian_filter`
 * computes it for a single 1 in the middle. v2 keeps it as float16, v1 as float32. Weights that round to zero become
 * the smallest other weight. These weights decide at the volume's edges, where windows meet with their corners.
 *
 * @param patch the number of voxels along each axis, slowest first
 */
export function gaussianImportance(patch: readonly number[], precision: "half" | "single"): Float32Array {
  const axes = patch.map(axisWeights);
  let weights = Float64Array.of(peak);
  for (const axis of axes) {
    const next = new Float64Array(weights.length * axis.length);
    for (let i = 0; i < weights.length; i++) {
      for (let j = 0; j < axis.length; j++) next[i * axis.length + j] = weights[i]! * axis[j]!;
    }
    weights = next;
  }
  const result = new Float32Array(weights);
  if (precision === "half") for (let i = 0; i < result.length; i++) result[i] = roundToHalf(weights[i]!);
  let smallest = peak;
  for (let i = 0; i < result.length; i++) {
    const weight = result[i]!;
    if (weight > 0 && weight < smallest) smallest = weight;
  }
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
