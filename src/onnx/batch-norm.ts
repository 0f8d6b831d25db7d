import type { WeightTensor } from "../checkpoint/network/checkpoint.js";

/**
 * The tensors of a BatchNorm, which computes `(x - mean) / sqrt(variance + epsilon) * scale + shift` per
 * channel at inference.
 */
export interface BatchNormTensors {
  readonly mean: WeightTensor;
  readonly variance: WeightTensor;
  /** Null if the layer learns no scale. */
  readonly scale: WeightTensor | null;
  readonly shift: WeightTensor | null;
  readonly epsilon: number;
}

/**
 * Returns a convolution's weight multiplied by the factors of the BatchNorm that follows it. The first axis
 * is the output channel.
 */
export const foldedWeight = (weight: WeightTensor, norm: BatchNormTensors): WeightTensor => ({
  shape: weight.shape,
  async *chunks() {
    const factors = await channelFactors(norm);
    const rowLength = weight.shape.slice(1).reduce((a, b) => a * b, 1);
    let row = 0;
    let column = 0;
    for await (const chunk of weight.chunks()) {
      for (let i = 0; i < chunk.length; i++) {
        chunk[i]! *= factors[row]!;
        if (++column === rowLength) {
          column = 0;
          row++;
        }
      }
      yield chunk;
    }
  },
});

/** Returns a convolution's bias (null if it has none) with the BatchNorm that follows it applied. */
export const foldedBias = (bias: WeightTensor | null, norm: BatchNormTensors): WeightTensor => ({
  shape: norm.mean.shape,
  async *chunks() {
    const factors = await channelFactors(norm);
    const mean = await wholeTensor(norm.mean);
    const shift = norm.shift === null ? null : await wholeTensor(norm.shift);
    const values = bias === null ? new Float32Array(mean.length) : await wholeTensor(bias);
    yield values.map((value, i) => (value - mean[i]!) * factors[i]! + (shift?.[i] ?? 0));
  },
});

async function channelFactors(norm: BatchNormTensors): Promise<Float64Array> {
  const variance = await wholeTensor(norm.variance);
  const scale = norm.scale === null ? null : await wholeTensor(norm.scale);
  return Float64Array.from(variance, (value, i) => (scale?.[i] ?? 1) / Math.sqrt(value + norm.epsilon));
}

/** Reads a whole tensor. Use it only for tensors with one value per channel. */
async function wholeTensor(tensor: WeightTensor): Promise<Float32Array<ArrayBuffer>> {
  const values = new Float32Array(tensor.shape.reduce((a, b) => a * b, 1));
  let at = 0;
  for await (const chunk of tensor.chunks()) {
    values.set(chunk, at);
    at += chunk.length;
  }
  return values;
}
