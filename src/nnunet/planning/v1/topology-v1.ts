import { paddedTo } from "../topology.js";

/** The poolings of a U-Net of nnU-Net v1. Axes are in transposed order. */
export interface TopologyV1 {
  /** The stride of each pooling. */
  readonly strides: readonly (readonly number[])[];
  /** The convolution kernels of each stage: one more than there are poolings. */
  readonly kernels: readonly (readonly number[])[];
  /** The number of poolings along each axis. */
  readonly poolings: readonly number[];
  readonly patch: readonly number[];
  readonly divisor: readonly number[];
}

/** Axes with fewer voxels than this are not pooled: a feature map keeps 4 voxels. */
const smallestPooled = 8;

/** Returns the topology that nnU-Net v1's planners of version 2.1 choose for a patch. */
export function topologyV1(spacing: readonly number[], patch: readonly number[]): TopologyV1 {
  const axes = spacing.map((_, axis) => axis);
  let currentSpacing = [...spacing];
  let size = [...patch];
  const strides: number[][] = [];
  const kernels: number[][] = [];
  for (;;) {
    const finest = Math.min(...currentSpacing);
    const pooled = axes.filter((axis) => currentSpacing[axis]! / finest < 2 && size[axis]! >= smallestPooled);
    if (pooled.length === 0) break;
    kernels.push(kernelOf(currentSpacing));
    strides.push(axes.map((axis) => (pooled.includes(axis) ? 2 : 1)));
    currentSpacing = currentSpacing.map((value, axis) => (pooled.includes(axis) ? value * 2 : value));
    size = size.map((value, axis) => (pooled.includes(axis) ? Math.ceil(value / 2) : value));
  }
  kernels.push(axes.map(() => 3));
  const poolings = axes.map((axis) => strides.filter((stride) => stride[axis] === 2).length);
  const divisor = poolings.map((count) => 2 ** count);
  return {
    strides,
    kernels,
    poolings,
    divisor,
    patch: patch.map((value, axis) => paddedTo(value, divisor[axis]!)),
  };
}

/** Returns a kernel with 3 on the largest set of axes whose spacings are within a factor of 2; the first of several. */
function kernelOf(spacing: readonly number[]): number[] {
  const axes = spacing.map((_, axis) => axis);
  const similar = axes.map((a) =>
    axes.filter((b) => Math.max(spacing[a]! / spacing[b]!, spacing[b]! / spacing[a]!) < 2),
  );
  const largest = similar.reduce((best, set) => (set.length > best.length ? set : best));
  return axes.map((axis) => (largest.includes(axis) ? 3 : 1));
}
