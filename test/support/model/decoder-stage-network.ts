import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import type { OnnxGraph } from "../../../src/onnx/onnx-graph.js";

export interface DecoderStageOptions {
  /** The size of the fine grid, which is the network's input. */
  readonly patchSize: readonly number[];
  readonly stride: readonly number[];
  readonly kernel: readonly number[];
  /** The channels of the fine grid; the coarse grid has twice as many. */
  readonly channels: number;
  readonly hasUpsamplingBias: boolean;
}

/** Returns a U-Net of two stages: one step down, one up, a skip connection between them, and a last convolution. */
export function decoderStageNetwork(options: DecoderStageOptions): OnnxGraph {
  const { patchSize, stride, kernel, channels, hasUpsamplingBias } = options;
  const graph = new GraphBuilder(1);
  const one = patchSize.map(() => 1);
  const convolve = (name: string, x: typeof graph.input, to: number, step: readonly number[]) =>
    graph.convolution(name, x, {
      weight: syntheticWeights([to, x.channels, ...kernel]),
      bias: syntheticWeights([to]),
      stride: step,
    });
  const skip = convolve("encoder.0", graph.input, channels, one);
  const coarse = convolve("encoder.1", skip, 2 * channels, stride);
  const upsampled = graph.transposedConvolution("upsampling", coarse, {
    weight: syntheticWeights([2 * channels, channels, ...stride]),
    bias: hasUpsamplingBias ? syntheticWeights([channels]) : null,
    stride,
  });
  const joined = graph.concatenate("joined", upsampled, skip);
  const logits = convolve("decoder.0", joined, channels, one);
  return graph.finish(
    { architecture: "PlainConvUNet", inputChannels: 1, outputChannels: channels, patchSize },
    logits,
  );
}

/** Returns a U-Net of three stages on a cube of 8 voxels, with 8, 16 and 24 channels. */
export function twoDecoderStagesNetwork(): OnnxGraph {
  const patchSize = [8, 8, 8];
  const graph = new GraphBuilder(1);
  const [one, two] = [1, 2].map((step) => patchSize.map(() => step)) as [number[], number[]];
  const convolve = (name: string, x: typeof graph.input, to: number, stride: readonly number[]) =>
    graph.convolution(name, x, {
      weight: syntheticWeights([to, x.channels, 3, 3, 3]),
      bias: syntheticWeights([to]),
      stride,
    });
  const decode = (index: number, coarse: typeof graph.input, skip: typeof graph.input) => {
    const upsampled = graph.transposedConvolution(`upsampling.${index}`, coarse, {
      weight: syntheticWeights([coarse.channels, skip.channels, ...two]),
      bias: syntheticWeights([skip.channels]),
      stride: two,
    });
    const joined = graph.concatenate(`joined.${index}`, upsampled, skip);
    return convolve(`decoder.${index}`, joined, skip.channels, one);
  };
  const fine = convolve("encoder.0", graph.input, 8, one);
  const middle = convolve("encoder.1", fine, 16, two);
  const coarse = convolve("encoder.2", middle, 24, two);
  const logits = decode(1, decode(0, coarse, middle), fine);
  return graph.finish(
    { architecture: "PlainConvUNet", inputChannels: 1, outputChannels: 8, patchSize },
    logits,
  );
}

/** Returns values that depend only on the shape, scaled so that sums over the inputs stay near 1. */
export function syntheticWeights(shape: readonly number[]) {
  const count = shape.reduce((a, b) => a * b, 1);
  const scale = Math.sqrt(shape[0]! / count);
  const values = Float32Array.from(
    { length: count },
    (_, i) => ((Math.imul(i + count, 2654435761) >>> 0) / 2 ** 31 - 1) * scale,
  );
  return {
    shape,
    async *chunks() {
      yield values;
    },
  };
}
