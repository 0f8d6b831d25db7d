import { headRanges } from "../../processor/contract/head-ranges.js";
import type { OnnxBody, OnnxElementType, OnnxGraph, OnnxNode, OnnxValue } from "./onnx-graph.js";
import { onnxElementTypes } from "./onnx-graph.js";
import { constant, NodeChain, node } from "./onnx-nodes.js";

/**
 * The values that are averaged over the mirrorings: v2's logits, or v1's probabilities of labels (softmax) or
 * regions (sigmoid).
 */
export type AveragedOutput = "logits" | "softmax" | "sigmoid";

/**
 * Builds one float16 graph of all folds of a network that also averages over folds and mirrorings, as nnU-Net
 * does. A window is therefore transferred to the device once, not once per fold and mirroring, and the device
 * holds the feature maps of one network, not of every fold. The weights are those of the folds, in float32
 * (`foldWeight`); ONNX Runtime converts them once, when it loads the file.
 *
 * Shapes are used only in `ConstantOfShape`, because ONNX Runtime executes other computations with them on
 * the CPU, not on the device.
 *
 * A run is one fold with one mirroring.
 *
 * - input `windows`: float32, batch × channels × patch
 * - input `folds`: int64, runs; the fold of each run
 * - inputs `orders_z` (3-D only), `orders_y`, `orders_x`: int64, runs × patch size of the axis; each row is
 * the order in which a run reads that axis, so `0 … n-1` or `n-1 … 0`
 * - outputs `mean_0`, `mean_1`, …: float16, batch × heads of the group × patch; the mean over the runs, split
 * into the groups of `headRanges`, so that several threads can process them
 * - output `total`: float32, the sum of all means; not finite if float16 overflowed
 */
export function gpuGraph(
  whole: OnnxGraph,
  { folds, averaged }: { readonly folds: number; readonly averaged: AveragedOutput },
): OnnxBody {
  const network = withoutLostBiases(whole);
  const [batch, , ...patchSize] = network.input.shape;
  const heads = network.output.shape[1] as number;
  const axes = ["z", "y", "x"].slice(3 - patchSize.length);
  const sumShape = [batch!, heads, ...patchSize];
  const sizes = headRanges(heads).map(({ from, to }) => to - from);
  const groups = sizes.map((_, i) => `mean_${i}`);
  const norms = new Set(network.nodes.flatMap((of) => (isInstanceNorm(of) ? of.inputs.slice(1) : [])));
  return {
    name: `${network.name}_float16`,
    nodes: [
      cast("windows", "windows/half", "float16"),
      node("Shape", ["windows"], ["batch_size"], { start: { integer: 0 }, end: { integer: 1 } }),
      node("ConstantOfShape", ["batch_size"], ["zero"]),
      constant("first", [0]),
      ...network.weights.flatMap(({ name }) => stack(name, folds)),
      ...repeatForWindows([...norms]),
      constant("zero/map_shape", [-1, 1, ...patchSize.map(() => 1)]),
      node("Reshape", ["zero", "zero/map_shape"], ["zero/map"]),
      constant("answer_shape", [1, heads, ...(patchSize as number[])]),
      node("Expand", ["zero/map", "answer_shape"], ["zeros"]),
      node("Scan", ["zeros", "folds", ...axes.map((axis) => `orders_${axis}`)], ["sum"], {
        body: { body: oneRun({ network, norms, averaged, axes, sumShape }) },
        num_scan_inputs: { integer: 1 + axes.length },
      }),
      node("Shape", ["folds"], ["runs"]),
      node("ConstantOfShape", ["runs"], ["zero_of_runs"]),
      node("Exp", ["zero_of_runs"], ["one_of_runs"]),
      node("ReduceSum", ["one_of_runs"], ["divisor"], { keepdims: { integer: 0 } }),
      node("Div", ["sum", "divisor"], ["mean"]),
      cast("mean", "mean/half", "float16"),
      ...(groups.length === 1
        ? [node("Identity", ["mean/half"], groups)]
        : [
            constant("group_sizes", sizes),
            node("Split", ["mean/half", "group_sizes"], groups, { axis: { integer: 1 } }),
          ]),
      cast("mean/half", "mean/rounded", "float32"),
      node("ReduceSum", ["mean/rounded"], ["total"], { keepdims: { integer: 0 } }),
    ],
    inputs: [
      { name: "windows", shape: network.input.shape },
      { name: "folds", shape: ["runs"], elementType: "int64" },
      ...axes.map(
        (axis, i): OnnxValue => ({
          name: `orders_${axis}`,
          shape: ["runs", patchSize[i]!],
          elementType: "int64",
        }),
      ),
    ],
    outputs: [
      ...groups.map(
        (name, i): OnnxValue => ({
          name,
          shape: [batch!, sizes[i]!, ...patchSize],
          elementType: "float16",
        }),
      ),
      { name: "total", shape: [] },
    ],
  };
}

/** Returns the name of a fold's initializer in the graph of all folds. */
export const foldWeight = (fold: number, weight: string): string => `folds/${fold}/${weight}`;

/** Stacks the folds' weights along a new first axis. */
function stack(weight: string, folds: number): OnnxNode[] {
  const names = Array.from({ length: folds }, (_, fold) => foldWeight(fold, weight));
  return [
    ...names.flatMap((name) => [
      cast(name, `${name}/half`, "float16"),
      node("Unsqueeze", [`${name}/half`, "first"], [`${name}/row`]),
    ]),
    node(
      "Concat",
      names.map((name) => `${name}/row`),
      [stacked(weight)],
      { axis: { integer: 0 } },
    ),
  ];
}

/**
 * Repeats the folds' normalisation weights once per window, next to each other: `folds × (windows ·
 * channels)`.
 */
function repeatForWindows(weights: readonly string[]): OnnxNode[] {
  if (weights.length === 0) return [];
  return [
    cast("zero", "zero/half", "float16"),
    constant("zero/row_shape", [1, -1, 1]),
    node("Reshape", ["zero/half", "zero/row_shape"], ["zero/row"]),
    constant("second", [1]),
    constant("joined_shape", [0, -1]),
    ...weights.flatMap((name) => [
      node("Unsqueeze", [stacked(name), "second"], [`${stacked(name)}/row`]),
      node("Add", [`${stacked(name)}/row`, "zero/row"], [`${stacked(name)}/rows`]),
      node("Reshape", [`${stacked(name)}/rows`, "joined_shape"], [ofEachWindow(name)]),
    ]),
  ];
}

interface RunOptions {
  readonly network: OnnxGraph;
  /** Names of the weights of instance normalisations. */
  readonly norms: ReadonlySet<string>;
  readonly averaged: AveragedOutput;
  readonly axes: readonly string[];
  readonly sumShape: OnnxValue["shape"];
}

/**
 * Adds the output of one run: selects the fold's weights, flips, runs the network, flips back. The order of a
 * flipped axis is its own inverse.
 */
function oneRun({ network, norms, averaged, axes, sumShape }: RunOptions): OnnxBody {
  const { input, output, weights } = network;
  const foldsOf = (name: string) => (norms.has(name) ? ofEachWindow(name) : stacked(name));
  const sizes = new Map(weights.map(({ name, values }) => [name, values.shape[0]!]));
  const answer = averaged === "logits" ? "answer" : "answer/logits";
  return {
    name: "run",
    nodes: [
      ...weights.map(({ name }) => node("Gather", [foldsOf(name), "fold"], [name])),
      ...flips("flip", axes, ["windows/half", input.name]),
      ...network.nodes.flatMap((of) =>
        isInstanceNorm(of)
          ? normOfEachWindow(of, { axes: axes.length, channels: sizes.get(of.inputs[1]!)! })
          : [of],
      ),
      ...flips("flip_back", axes, [output.name, "answer/half"]),
      cast("answer/half", answer, "float32"),
      ...(averaged === "softmax" ? [node("Softmax", [answer], ["answer"], { axis: { integer: 1 } })] : []),
      ...(averaged === "sigmoid" ? [node("Sigmoid", [answer], ["answer"])] : []),
      node("Add", ["sum_before", "answer"], ["sum_after"]),
    ],
    inputs: [
      { name: "sum_before", shape: sumShape },
      { name: "fold", shape: [], elementType: "int64" },
      ...axes.map(
        (axis, i): OnnxValue => ({ name: `order_${axis}`, shape: [sumShape[2 + i]!], elementType: "int64" }),
      ),
    ],
    outputs: [{ name: "sum_after", shape: sumShape }],
  };
}

/**
 * Treats the windows of a batch as channels of one window. For larger batches, ONNX Runtime's CUDA kernel
 * computes the variance in float16, which overflows from a standard deviation of 256 on: the feature map
 * becomes flat without any visible sign in the output. For a batch of one, cuDNN computes in float32.
 */
function normOfEachWindow(
  { name, inputs, outputs, attributes }: OnnxNode,
  { axes, channels }: { readonly axes: number; readonly channels: number },
): OnnxNode[] {
  const [x, scale, shift] = inputs as [string, string, string];
  const kept = Array.from({ length: axes }, () => 0);
  const chain = new NodeChain(name);
  const joined = chain.reshape("joined", x, [1, -1, ...kept]);
  const normalized = chain.add("normalized", "InstanceNormalization", [joined, scale, shift], attributes);
  const shape = chain.integers("parted_shape", [-1, channels, ...kept]);
  chain.addTo(outputs[0]!, "Reshape", [normalized, shape]);
  return chain.nodes;
}

/**
 * Removes biases that a following instance normalisation subtracts again, because on a GPU each costs a pass
 * over the whole feature map.
 */
function withoutLostBiases(network: OnnxGraph): OnnxGraph {
  const nodes = network.nodes.map((of) => {
    const [x, weight] = of.inputs;
    const readers = network.nodes.filter(({ inputs }) => inputs.includes(of.outputs[0]!));
    const isLost = readers.length > 0 && readers.every(isInstanceNorm);
    return of.operator === "Conv" && isLost ? { ...of, inputs: [x!, weight!] } : of;
  });
  const used = new Set(nodes.flatMap(({ inputs }) => inputs));
  return { ...network, nodes, weights: network.weights.filter(({ name }) => used.has(name)) };
}

const isInstanceNorm = ({ operator }: OnnxNode): boolean => operator === "InstanceNormalization";

/** Returns one Gather per axis, chained from one value to the other. */
function flips(
  name: string,
  axes: readonly string[],
  [from, to]: readonly [from: string, to: string],
): OnnxNode[] {
  const value = (i: number) => (i === 0 ? from : i === axes.length ? to : `${name}_${axes[i - 1]}`);
  return axes.map((axis, i) =>
    node("Gather", [value(i), `order_${axis}`], [value(i + 1)], { axis: { integer: 2 + i } }),
  );
}

const stacked = (weight: string): string => `folds/${weight}`;

const ofEachWindow = (weight: string): string => `folds_of_windows/${weight}`;

const cast = (from: string, to: string, elementType: OnnxElementType): OnnxNode =>
  node("Cast", [from], [to], { to: { integer: onnxElementTypes[elementType] } });
