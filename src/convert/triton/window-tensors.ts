import { join } from "node:path";
import type { OnnxValue } from "../../onnx/onnx-graph.js";
import { readOnnxModel } from "../../onnx/read-onnx.js";
import type { Stage } from "../read-stages.js";

/** The input and output of a stage's networks in the terms of Triton. */
export interface WindowTensors {
  readonly folds: readonly FoldTensors[];
  /** 0 if a network takes only one window at once; the dims then include the axis of the batch. */
  readonly maxBatchSize: number;
  readonly inputDims: readonly number[];
  readonly outputDims: readonly number[];
  /** The output as ONNX states it, with the axis of the batch. */
  readonly outputShape: OnnxValue["shape"];
}

export interface FoldTensors {
  /** Name of the fold's Triton model. */
  readonly model: string;
  readonly input: string;
  readonly output: string;
}

/** The most windows that Triton accepts in one request. */
const mostWindows = 4;

/** Reads the names of inputs and outputs from the written networks. Networks of one's own have any names. */
export function readTensors(folder: string, { folds, network, description }: Stage): WindowTensors {
  const { inputChannels, outputChannels, maximumBatch } = network;
  const { patchSize } = description.plan;
  const isSingle = maximumBatch === 1;
  const batch = isSingle ? [1] : [];
  return {
    folds: folds.map(({ files: { onnxFile } }) => {
      const { inputs, outputs } = readOnnxModel(join(folder, onnxFile));
      return { model: onnxFile.split("/")[0]!, input: inputs[0]!.name, output: outputs[0]!.name };
    }),
    maxBatchSize: isSingle ? 0 : mostWindows,
    inputDims: [...batch, inputChannels, ...patchSize],
    outputDims: [...batch, outputChannels, ...patchSize],
    outputShape: ["batch", outputChannels, ...patchSize],
  };
}
