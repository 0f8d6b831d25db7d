import { dirname, join } from "node:path";
import { type OnnxTensorInfo, readOnnxModel } from "../onnx/read-onnx.js";
import type { NetworkForm } from "../onnx/write-network.js";

/** `own` for an ONNX file of the model's owner, which is copied unchanged. */
export type GraphForm = NetworkForm | "own";

/** An ONNX file of a converted folder that holds a network. */
export interface ConvertedNetwork {
  /** Path relative to the folder. */
  readonly file: string;
  /**
   * `plain`: as nnU-Net defines it. `cpu`: rewritten into what ONNX Runtime computes fastest on a CPU. `gpu`: all folds
   * and mirrorings in float16. `own`: an ONNX file of the model's owner, unchanged.
   */
  readonly form: GraphForm | "gpu";
  readonly configuration: string;
  /** The folds that it computes, from `0` to `4`, or `all`. */
  readonly folds: readonly string[];
}

export interface NetworkDescription extends ConvertedNetwork {
  /** Paths relative to the folder; empty if the ONNX file contains its weights. */
  readonly weightsFiles: readonly string[];
  readonly irVersion: number;
  readonly opset: number;
  readonly inputs: readonly OnnxTensorInfo[];
  readonly outputs: readonly OnnxTensorInfo[];
}

/** Reads versions, inputs and outputs from files that were written. */
export const describeNetworks = (
  folder: string,
  networks: readonly ConvertedNetwork[],
): readonly NetworkDescription[] =>
  networks.map((network) => {
    const { irVersion, opset, inputs, outputs, externalFiles } = readOnnxModel(join(folder, network.file));
    const beside = dirname(network.file);
    return {
      ...network,
      weightsFiles: externalFiles.map(({ location }) =>
        beside === "." ? location : `${beside}/${location}`,
      ),
      irVersion,
      opset,
      inputs,
      outputs,
    };
  });
