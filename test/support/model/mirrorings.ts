import { InferenceSession, Tensor } from "onnxruntime-node";
import type { AveragedOutput } from "../../../src/onnx/gpu-graph.js";
import { halfToFloat } from "../golden.js";

export interface Windows {
  readonly values: Float32Array;
  /** batch × channels × patch */
  readonly shape: readonly number[];
  /** The axes of the patch that each mirroring flips. */
  readonly mirrorings: readonly (readonly number[])[];
}

/** Returns all combinations of the axes, which are nnU-Net's mirrorings. */
export const allMirrorings = (axes: number): number[][] =>
  Array.from({ length: 2 ** axes }, (_, bits) =>
    Array.from({ length: axes }, (_, axis) => axis).filter((axis) => (bits >> axis) & 1),
  );

/** Does what nnU-Net does with the float32 networks: runs each fold once per mirroring, and returns the mean of the results. */
export async function averageRuns(
  onnxFiles: readonly string[],
  windows: Windows,
  averaged: AveragedOutput,
): Promise<Float32Array> {
  const answers: Float32Array[] = [];
  for (const file of onnxFiles) answers.push(await averageMirrorings(file, windows, averaged));
  return answers[0]!.map((_, i) => answers.reduce((sum, answer) => sum + answer[i]!, 0) / answers.length);
}

async function averageMirrorings(
  onnxFile: string,
  { values, shape, mirrorings }: Windows,
  averaged: AveragedOutput,
): Promise<Float32Array> {
  const session = await InferenceSession.create(onnxFile, { intraOpNumThreads: 2 });
  try {
    let sum: Float32Array | null = null;
    for (const axes of mirrorings) {
      const input = new Tensor("float32", flipped(values, shape, axes), [...shape]);
      const { data, dims } = (await session.run({ input })).logits as Tensor;
      const answer = flipped(asProbabilities(data as Float32Array, dims, averaged), dims, axes);
      sum ??= new Float32Array(answer.length);
      for (let i = 0; i < sum.length; i++) sum[i]! += answer[i]! / mirrorings.length;
    }
    return sum!;
  } finally {
    await session.release();
  }
}

export interface GpuAnswer {
  /** batch × heads × patch, with the groups of heads joined. */
  readonly values: Float32Array;
  /** One entry for each group of heads. */
  readonly heads: readonly number[];
}

/** Runs some folds of a float16 graph on the CPU. */
export async function runGpuGraph(
  gpuOnnxFile: string,
  { values, shape, mirrorings }: Windows,
  folds: readonly number[],
): Promise<GpuAnswer> {
  const session = await InferenceSession.create(gpuOnnxFile, { intraOpNumThreads: 2 });
  try {
    const patch = shape.slice(2);
    const runs = folds.flatMap((fold) => mirrorings.map((axes) => ({ fold, axes })));
    const feeds: Record<string, Tensor> = { windows: new Tensor("float32", values, [...shape]) };
    for (const [axis, size] of patch.entries()) {
      const orders = runs.flatMap(({ axes }) => {
        const order = Array.from({ length: size }, (_, i) => BigInt(i));
        return axes.includes(axis) ? order.reverse() : order;
      });
      const name = ["z", "y", "x"].at(axis - patch.length)!;
      feeds[`orders_${name}`] = new Tensor("int64", orders, [runs.length, size]);
    }
    const foldOfRun = runs.map(({ fold }) => BigInt(fold));
    feeds["folds"] = new Tensor("int64", foldOfRun, [runs.length]);
    const answers = await session.run(feeds);
    const groups = session.outputNames.filter((name) => name.startsWith("mean_"));
    return joinHeads(groups.map((name) => answers[name] as Tensor));
  } finally {
    await session.release();
  }
}

function joinHeads(groups: readonly Tensor[]): GpuAnswer {
  const heads = groups.map(({ dims }) => dims[1]!);
  const [batch = 0, , ...patch] = groups[0]!.dims;
  const voxels = patch.reduce((a, b) => a * b, 1);
  const allHeads = heads.reduce((a, b) => a + b, 0);
  const values = new Float32Array(batch * allHeads * voxels);
  let start = 0;
  for (const [i, group] of groups.entries()) {
    const size = heads[i]! * voxels;
    const data = float16Values(group);
    for (let item = 0; item < batch; item++)
      values.set(data.subarray(item * size, (item + 1) * size), item * allHeads * voxels + start);
    start += size;
  }
  return { values, heads };
}

/** Returns numbers from either form of float16: Node versions without Float16Array return the bits. */
const float16Values = ({ data }: Tensor): Float32Array =>
  data instanceof Uint16Array
    ? Float32Array.from(data, halfToFloat)
    : Float32Array.from(data as unknown as ArrayLike<number>);

function flipped(values: Float32Array, shape: readonly number[], axes: readonly number[]): Float32Array {
  let result = values;
  for (const axis of axes) {
    const size = shape[2 + axis]!;
    const inner = shape.slice(3 + axis).reduce((a, b) => a * b, 1);
    const source = result;
    result = source.map((_, i) => {
      const at = Math.floor(i / inner) % size;
      return source[i + (size - 1 - 2 * at) * inner]!;
    });
  }
  return result;
}

function asProbabilities(
  logits: Float32Array,
  shape: readonly number[],
  averaged: AveragedOutput,
): Float32Array {
  if (averaged === "logits") return logits;
  if (averaged === "sigmoid") return logits.map((value) => 1 / (1 + Math.exp(-value)));
  const [, heads = 0, ...patch] = shape;
  const voxels = patch.reduce((a, b) => a * b, 1);
  return logits.map((value, i) => {
    const voxel = i - (Math.floor(i / voxels) % heads) * voxels;
    let sum = 0;
    for (let head = 0; head < heads; head++) sum += Math.exp(logits[voxel + head * voxels]! - value);
    return 1 / sum;
  });
}
