import type { OnnxNode } from "./onnx-graph.js";
import { integersOf, NodeChain } from "./onnx-nodes.js";

export interface WinogradOptions {
  /** Has stride 1 and a padding that keeps the size. */
  readonly convolution: OnnxNode;
  /** Spatial axis, counted from 0; the kernel has size 3 along it. */
  readonly axis: number;
  /** Size of the input and output; even along `axis`. */
  readonly size: readonly number[];
  readonly outputChannels: number;
  /** Number of parts along the axis into which the work is split, to keep the intermediate results small. */
  readonly parts: number;
}

/**
 * Computes a convolution by Winograd's F(2, 3) along one axis: two adjacent outputs from four convolutions
 * without that axis instead of six. For even positions e, odd positions o and the three parts g of the
 * kernel:
 *
 * - m1 = (e + o) * (g0 + g1 + g2) / 2 and m2 = (o - e) * (g0 - g1 + g2) / 2
 * - even outputs: m1 + m2 + (previous o - o) * g0; odd outputs: m1 - m2 - (e - next e) * g2
 *
 * The parts of the kernel are nodes as well, which ONNX Runtime computes once, when it loads the file.
 *
 * Source: Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016.
 */
export function winogradConvolution(options: WinogradOptions): OnnxNode[] {
  const { convolution, axis, size, outputChannels, parts } = options;
  const chain = new NodeChain(convolution.name);
  const [input, weight, ...bias] = convolution.inputs;
  const setting: Setting = {
    input: input!,
    bias,
    axis,
    size,
    outputChannels,
    kernels: kernelParts(chain, weight!, 2 + axis),
    attributes: withoutAxis(convolution, axis),
  };
  const ranges = evenRanges(size[axis]!, parts);
  const answers = ranges.map((range, i) => {
    const part = new NodeChain(ranges.length === 1 ? convolution.name : `${convolution.name}/${i}`);
    const answer = outputsOf(part, setting, range);
    chain.nodes.push(...part.nodes);
    return answer;
  });
  chain.addTo(convolution.outputs[0]!, "Concat", answers, { axis: { integer: 2 + axis } });
  return chain.nodes;
}

interface Setting {
  readonly input: string;
  readonly kernels: Kernels;
  readonly bias: readonly string[];
  readonly attributes: OnnxNode["attributes"];
  readonly axis: number;
  readonly size: readonly number[];
  readonly outputChannels: number;
}

/** Positions along the axis. The first is even, and their number is even. */
interface Range {
  readonly from: number;
  readonly to: number;
}

function evenRanges(places: number, parts: number): Range[] {
  const pairs = places / 2;
  const count = Math.min(parts, pairs);
  const bound = (i: number): number => 2 * Math.floor((i * pairs) / count);
  return Array.from({ length: count }, (_, i) => ({ from: bound(i), to: bound(i + 1) }));
}

/** Returns the outputs of a range. */
function outputsOf(chain: NodeChain, setting: Setting, { from, to }: Range): string {
  const { input, kernels, bias, attributes, axis, size, outputChannels } = setting;
  const along = 2 + axis;
  const axes = chain.integers("axis", [along]);
  const two = chain.integers("two", [2]);
  const everySecond = (suffix: string, first: number, end: number): string => {
    const bounds = [chain.integers(`${suffix}_first`, [first]), chain.integers(`${suffix}_end`, [end])];
    return chain.add(suffix, "Slice", [input, ...bounds, axes, two]);
  };
  /** Values outside the volume are zero. */
  const moved = (suffix: string, x: string, by: 1 | -1): string => {
    const pads = new Array<number>(2 * (2 + size.length)).fill(0);
    pads[along] = by;
    pads[2 + size.length + along] = -by;
    return chain.add(suffix, "Pad", [x, chain.integers(`${suffix}_pads`, pads)]);
  };
  const convolve = (suffix: string, x: string, kernel: string, biases: readonly string[] = []): string =>
    chain.add(suffix, "Conv", [x, kernel, ...biases], attributes);

  const even = everySecond("even", from, to);
  const odd = everySecond("odd", from + 1, to);
  const oddBefore = from === 0 ? moved("odd_before", odd, 1) : everySecond("odd_before", from - 1, to - 2);
  const evenBehind =
    to === size[axis] ? moved("even_behind", even, -1) : everySecond("even_behind", from + 2, to + 1);
  const m1 = convolve("m1", chain.add("sum", "Add", [even, odd]), kernels.sum);
  const m2 = convolve("m2", chain.add("difference", "Sub", [odd, even]), kernels.alternating);
  const answers = [
    chain.add("even_answers", "Add", [
      chain.add("m1_plus_m2", "Add", [m1, m2]),
      convolve("m0", chain.add("before", "Sub", [oddBefore, odd]), kernels.first, bias),
    ]),
    chain.add("odd_answers", "Add", [
      chain.add("m1_minus_m2", "Sub", [m1, m2]),
      convolve("m3", chain.add("behind", "Sub", [even, evenBehind]), kernels.minusLast, bias),
    ]),
  ];
  const ahead = size.slice(0, axis);
  const after = size.slice(axis + 1);
  const pairs = (to - from) / 2;
  const columns = answers.map((x, i) =>
    chain.reshape(`column_${i}`, x, [0, outputChannels, ...ahead, pairs, 1, ...after]),
  );
  const joined = chain.add("pairs", "Concat", columns, { axis: { integer: along + 1 } });
  return chain.reshape("answers", joined, [0, outputChannels, ...ahead, to - from, ...after]);
}

interface Kernels {
  readonly first: string;
  readonly sum: string;
  readonly alternating: string;
  readonly minusLast: string;
}

function kernelParts(chain: NodeChain, weight: string, along: number): Kernels {
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

/** Returns the convolution's attributes with a kernel of size 1 along the axis. */
function withoutAxis(convolution: OnnxNode, axis: number): OnnxNode["attributes"] {
  const kernel = integersOf(convolution, "kernel_shape").map((size, i) => (i === axis ? 1 : size));
  const padding = kernel.map((size) => (size - 1) / 2);
  return { kernel_shape: { integers: kernel }, pads: { integers: [...padding, ...padding] } };
}
