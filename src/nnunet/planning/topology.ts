/** The poolings of a U-Net: how often and where it halves its feature maps. Axes are in transposed order. */
export interface Topology {
  /** The stride of each stage's first convolution; the first stage has ones. */
  readonly strides: readonly (readonly number[])[];
  /** The convolution kernels of each stage. */
  readonly kernels: readonly (readonly number[])[];
  /** The patch, padded so that every pooling divides it. */
  readonly patch: readonly number[];
  /** The number that the patch must be a multiple of, for each axis. */
  readonly divisor: readonly number[];
}

/** Axes with fewer voxels than this are not pooled: a feature map keeps 4 voxels. */
const smallestPooled = 8;
/** An axis that is pooled alone needs this many voxels. */
const smallestPooledAlone = 12;

/**
 * Returns the topology that nnU-Net v2 chooses for a patch. Each stage pools the axes whose voxels are still fine
 * enough: less than twice as long as those of the finest axis that can be pooled.
 *
 * @param spacing in mm, two or three axes
 * @param patch in voxels, possibly fractional
 */
export function topologyOf(spacing: readonly number[], patch: readonly number[]): Topology {
  const axes = spacing.map((_, axis) => axis);
  let currentSpacing = [...spacing];
  let size = [...patch];
  const kernel = axes.map(() => 1);
  const strides: number[][] = [axes.map(() => 1)];
  const kernels: number[][] = [];
  for (;;) {
    const large = axes.filter((axis) => size[axis]! >= smallestPooled);
    if (large.length === 0) break;
    const finest = Math.min(...large.map((axis) => currentSpacing[axis]!));
    const pooled = large.filter((axis) => currentSpacing[axis]! / finest < 2);
    if (pooled.length === 1 && size[pooled[0]!]! < smallestPooledAlone) break;
    const finestOfAll = Math.min(...currentSpacing);
    for (const axis of axes) if (currentSpacing[axis]! / finestOfAll < 2) kernel[axis] = 3;
    strides.push(axes.map((axis) => (pooled.includes(axis) ? 2 : 1)));
    kernels.push([...kernel]);
    currentSpacing = currentSpacing.map((value, axis) => (pooled.includes(axis) ? value * 2 : value));
    size = size.map((value, axis) => (pooled.includes(axis) ? Math.ceil(value / 2) : value));
  }
  kernels.push(axes.map(() => 3));
  const divisor = axes.map((axis) => strides.reduce((all, stride) => all * stride[axis]!, 1));
  return { strides, kernels, divisor, patch: patch.map((value, axis) => paddedTo(value, divisor[axis]!)) };
}

/** Returns the next multiple of a divisor, which is the size itself if it is one. */
export const paddedTo = (size: number, divisor: number): number => Math.ceil(size / divisor) * divisor;
