import type { OnnxNode } from "./onnx-graph.js";
import { integersOf, NodeChain } from "./onnx-nodes.js";

export interface WinogradOptions {
  /** Stride 1; padded so that its answer is as large as its input. */
  readonly convolution: OnnxNode;
  /** Spatial, 0 is the first; the kernel's size along it is 3. */
  readonly axis: number;
  /** Of input and answer; even along `axis`. */
  readonly size: readonly number[];
  readonly outputChannels: number;
}

/**
 * A convolution by Winograd's F(2, 3) along one axis: two neighbouring answers from four convolutions without that
 * axis instead of six. With even places e and odd places o, and g the kernel's three parts:
 *
 * - m1 = (e + o) * (g0 + g1 + g2) / 2 and m2 = (o - e) * (g0 - g1 + g2) / 2
 * - even answers: m1 + m2 + (o before - o) * g0; odd answers: m1 - m2 - (e - e behind) * g2
 *
 * The parts of the kernel are nodes as well, which ONNX Runtime computes once, when it loads the file.
 *
 * Source: Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
 */
export function winogradConvolution(options: WinogradOptions): OnnxNode[] {
  const { convolution, axis, size, outputChannels } = options;
  const chain = new NodeChain(convolution.name);
  const [input, weight, ...bias] = convolution.inputs;
  const along = 2 + axis;
  const places = size[axis]!;
  const kernels = kernelParts(chain, weight!, along);
  const attributes = withoutAxis(convolution, axis);
  const convolve = (suffix: string, x: string, kernel: string, biases: readonly string[] = []): string =>
    chain.add(suffix, "Conv", [x, kernel, ...biases], attributes);

  const end = chain.integers("end", [places]);
  const axes = chain.integers("axis", [along]);
  const two = chain.integers("two", [2]);
  const every = (suffix: string, first: number): string =>
    chain.add(suffix, "Slice", [input!, chain.integers(`${suffix}_first`, [first]), end, axes, two]);
  const even = every("even", 0);
  const odd = every("odd", 1);
  const moved = (suffix: string, x: string, by: 1 | -1): string => {
    const pads = new Array<number>(2 * (2 + size.length)).fill(0);
    pads[along] = by;
    pads[2 + size.length + along] = -by;
    return chain.add(suffix, "Pad", [x, chain.integers(`${suffix}_pads`, pads)]);
  };

  const m1 = convolve("m1", chain.add("sum", "Add", [even, odd]), kernels.sum);
  const m2 = convolve("m2", chain.add("difference", "Sub", [odd, even]), kernels.alternating);
  const before = chain.add("before", "Sub", [moved("odd_before", odd, 1), odd]);
  const behind = chain.add("behind", "Sub", [even, moved("even_behind", even, -1)]);
  const evenAnswers = chain.add("even_answers", "Add", [
    chain.add("m1_plus_m2", "Add", [m1, m2]),
    convolve("m0", before, kernels.first, bias),
  ]);
  const oddAnswers = chain.add("odd_answers", "Add", [
    chain.add("m1_minus_m2", "Sub", [m1, m2]),
    convolve("m3", behind, kernels.minusLast, bias),
  ]);
  const column = [0, outputChannels, ...size.slice(0, axis), places / 2, 1, ...size.slice(axis + 1)];
  const answers = [evenAnswers, oddAnswers].map((x, i) => chain.reshape(`column_${i}`, x, column));
  const pairs = chain.add("pairs", "Concat", answers, { axis: { integer: along + 1 } });
  const shape = chain.integers("answer_shape", [0, outputChannels, ...size]);
  chain.addTo(convolution.outputs[0]!, "Reshape", [pairs, shape]);
  return chain.nodes;
}

function kernelParts(chain: NodeChain, weight: string, along: number) {
  const parts = chain.split("kernel", weight, { axis: along, sizes: [1, 1, 1] });
  const [first, middle, last] = parts as [string, string, string];
  const half = chain.float("half", 0.5);
  const outer = chain.add("outer", "Add", [first, last]);
  const halved = (suffix: string, operator: "Add" | "Sub"): string =>
    chain.add(suffix, "Mul", [chain.add(`${suffix}_doubled`, operator, [outer, middle]), half]);
  return {
    first,
    sum: halved("kernel_sum", "Add"),
    alternating: halved("kernel_alternating", "Sub"),
    minusLast: chain.add("kernel_minus_last", "Neg", [last]),
  };
}

/** The convolution's attributes with a kernel of one place along the axis. */
function withoutAxis(convolution: OnnxNode, axis: number): OnnxNode["attributes"] {
  const kernel = integersOf(convolution, "kernel_shape").map((size, i) => (i === axis ? 1 : size));
  const padding = kernel.map((size) => (size - 1) / 2);
  return { kernel_shape: { integers: kernel }, pads: { integers: [...padding, ...padding] } };
}
