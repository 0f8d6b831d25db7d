import type { OnnxNode } from "./onnx-graph.js";
import { integersOf, NodeChain } from "./onnx-nodes.js";

export interface SubPixelOptions {
  /** The convolution over upsampled features and skip. The replacement has the same output name. */
  readonly convolution: OnnxNode;
  readonly transposed: OnnxNode;
  /** Input of the transposed convolution: channels and size z, y, x. */
  readonly coarse: { readonly channels: number; readonly sizeZyx: readonly number[] };
  readonly upsampledChannels: number;
  readonly skip: { readonly name: string; readonly channels: number };
  readonly outputChannels: number;
}

/**
 * Replaces the first operations of a 3-D decoder stage — transposed convolution, concatenation with the skip,
 * convolution — by a convolution on the coarse grid, whose channels interleave to the fine grid, plus a
 * convolution over the skip.
 *
 * Both operations on the upsampled features are linear, so they can be combined. With stride 2 and kernel 3,
 * each fine voxel depends on two coarse voxels along an axis, and only its parity determines the weights.
 * This takes 64 weights for 8 fine voxels instead of 8 × 27 + 8, and avoids the concatenation and ONNX
 * Runtime's 3-D transposed convolution, which uses one thread. The combined weights are nodes as well: ONNX
 * Runtime computes them once, when it loads the file, from the unchanged weights of the checkpoint.
 *
 * Returns null if the strides and kernels are not nnU-Net's (stride 1 or 2, kernel 1 or 3).
 */
export function subPixelStage(options: SubPixelOptions): OnnxNode[] | null {
  const { convolution, transposed, coarse, upsampledChannels, skip, outputChannels } = options;
  const kernel = integersOf(convolution, "kernel_shape");
  const stride = integersOf(transposed, "strides");
  const isKnown = kernel.every((size) => size === 1 || size === 3) && stride.every((step) => step <= 2);
  if (!isKnown || stride[2] !== 2) return null;
  const axes = stride.map((step, i) => jointAxis(step, kernel[i]!, coarse.sizeZyx[i]!));
  const chain = new NodeChain(convolution.name);

  const [upsampledWeight, skipWeight] = chain.split("weight", convolution.inputs[1]!, {
    axis: 1,
    sizes: [upsampledChannels, skip.channels],
  }) as [string, string];
  const hasBias = transposed.inputs.length > 2;
  const upsampling = hasBias
    ? withBias(chain, transposed, { channels: upsampledChannels, stride })
    : transposed.inputs[1]!;
  const weight = jointWeight(chain, [upsampling, upsampledWeight], {
    axes,
    kernel,
    inputChannels: coarse.channels + (hasBias ? 1 : 0),
    outputChannels,
  });
  const input = hasBias ? withOnes(chain, transposed.inputs[0]!) : transposed.inputs[0]!;
  const padding = axes.map((axis) => axis.padding);
  const joint = chain.add("joint", "Conv", [input, weight], {
    kernel_shape: { integers: axes.map((axis) => axis.taps) },
    pads: { integers: [...padding, ...padding] },
  });
  const upsampled = interleave(chain, joint, axes, outputChannels);
  const [, , ...bias] = convolution.inputs;
  const onSkip = chain.add("skip", "Conv", [skip.name, skipWeight, ...bias], convolution.attributes);
  chain.addTo(convolution.outputs[0]!, "Add", [onSkip, upsampled]);
  return chain.nodes;
}

/** One axis of the joint convolution, which computes `steps` fine voxels at each of its `size` positions. */
interface JointAxis {
  readonly steps: number;
  readonly taps: number;
  readonly padding: number;
  readonly size: number;
  /** Number of surplus fine voxels on either side. */
  readonly margin: number;
}

function jointAxis(steps: number, kernel: number, coarseSize: number): JointAxis {
  const taps = (steps + kernel - 1) / steps; // 1, 2 or 3
  const margin = steps === 2 && kernel === 3 ? 1 : 0;
  const padding = taps === 1 ? 0 : 1;
  return { steps, taps, padding, size: coarseSize + margin, margin };
}

/** Adds the transposed convolution's bias as the weight of an additional input channel of ones. */
function withBias(
  chain: NodeChain,
  { inputs }: OnnxNode,
  { channels, stride }: { readonly channels: number; readonly stride: readonly number[] },
): string {
  const column = chain.reshape("bias_column", inputs[2]!, [1, channels, 1, 1, 1]);
  const shape = chain.integers("bias_shape", [1, channels, ...stride]);
  const bias = chain.add("bias", "Expand", [column, shape]);
  return chain.add("upsampling", "Concat", [inputs[1]!, bias], { axis: { integer: 0 } });
}

/**
 * Appends a channel of ones. The ones end at the border of the volume, as the bias does, because the
 * following convolution pads with zeros.
 */
function withOnes(chain: NodeChain, coarse: string): string {
  const pads = chain.integers("ones_pads", [0, 0, 0, 0, 0, 0, 1, 0, 0, 0]);
  return chain.add("ones", "Pad", [coarse, pads, chain.float("one", 1)]);
}

interface JointWeightOptions {
  readonly axes: readonly JointAxis[];
  readonly kernel: readonly number[];
  readonly inputChannels: number;
  readonly outputChannels: number;
}

/**
 * Returns weights of shape `(x step, out, z step, y step) × in × taps`: the transposed convolution's weights,
 * convolved with those of the other convolution. Along each axis the result has `taps × steps` entries, and
 * its first entry belongs to the last tap.
 */
function jointWeight(
  chain: NodeChain,
  [upsampling, convolution]: readonly [upsampling: string, convolution: string],
  { axes, kernel, inputChannels, outputChannels }: JointWeightOptions,
): string {
  const padding = kernel.map((size) => size - 1);
  const convolved = chain.add("product", "Conv", [upsampling, convolution], {
    kernel_shape: { integers: kernel },
    pads: { integers: [...padding, ...padding] },
  });
  const tapsAndSteps = axes.flatMap(({ taps, steps }) => [taps, steps]);
  const parted = chain.reshape("parted", convolved, [inputChannels, outputChannels, ...tapsAndSteps]);
  const reversed = chain.add("reversed", "Slice", [
    parted,
    chain.integers("last", [-1, -1, -1]),
    chain.integers("before_first", [-9, -9, -9]),
    chain.integers("tap_axes", [2, 4, 6]),
    chain.integers("backwards", [-1, -1, -1]),
  ]);
  const ordered = chain.add("ordered", "Transpose", [reversed], {
    perm: { integers: [7, 1, 3, 5, 0, 2, 4, 6] },
  });
  const outputs = axes.reduce((product, { steps }) => product * steps, outputChannels);
  return chain.reshape("joint_weight", ordered, [outputs, inputChannels, ...axes.map(({ taps }) => taps)]);
}

/**
 * Interleaves channels `(x step, out, z step, y step)` to fine voxels: voxel by voxel along x, then whole
 * lines along z and y.
 */
function interleave(
  chain: NodeChain,
  joint: string,
  axes: readonly JointAxis[],
  outputChannels: number,
): string {
  const [z, y, x] = axes as [JointAxis, JointAxis, JointAxis];
  const width = x.steps * x.size;
  const xSteps = chain.reshape("x_steps", joint, [0, x.steps, -1, 1]);
  const halves = chain.split("x", xSteps, { axis: 1, sizes: [1, 1] });
  const lines = chain.add("lines", "Concat", halves, { axis: { integer: 3 } });
  const apart = chain.reshape("apart", lines, [0, outputChannels, z.steps, y.steps, z.size, y.size, width]);
  const inOrder = chain.add("in_order", "Transpose", [apart], { perm: { integers: [0, 1, 4, 2, 5, 3, 6] } });
  const fineSize = axes.map(({ steps, size }) => steps * size);
  const fine = chain.reshape("fine", inOrder, [0, outputChannels, ...fineSize]);
  if (axes.every(({ margin }) => margin === 0)) return fine;
  return chain.add("upsampled", "Slice", [
    fine,
    chain.integers(
      "from",
      axes.map(({ margin }) => margin),
    ),
    chain.integers(
      "to",
      axes.map(({ margin }, i) => fineSize[i]! - margin),
    ),
    chain.integers("axes", [2, 3, 4]),
  ]);
}
