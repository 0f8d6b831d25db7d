import type { AveragedOutput } from "../../onnx/gpu-graph.js";
import type { OnnxBody, OnnxNode, OnnxValue } from "../../onnx/onnx-graph.js";
import { NodeChain, node } from "../../onnx/onnx-nodes.js";

export interface MeanGraphOptions {
  readonly folds: number;
  /** What nnU-Net averages over folds: v2's logits, or v1's probabilities. */
  readonly averaged: AveragedOutput;
  /** Name of the output. */
  readonly output: string;
  readonly shape: OnnxValue["shape"];
}

/** Returns the name of a fold's input. */
export const foldInput = (fold: number): string => `logits_${fold}`;

/** Builds the graph that averages the logits of several folds over the folds, as nnU-Net does. */
export function meanGraph({ folds, averaged, output, shape }: MeanGraphOptions): OnnxBody {
  const inputs = Array.from({ length: folds }, (_, fold) => foldInput(fold));
  const chain = new NodeChain("mean");
  const sum = chain.add(
    "sum",
    "Sum",
    inputs.map((name) => (averaged === "logits" ? name : `${name}/${averaged}`)),
  );
  chain.addTo(output, "Div", [sum, chain.float("folds", folds)]);
  return {
    name: "mean",
    nodes: [...inputs.flatMap((name) => nonlinearity(name, averaged)), ...chain.nodes],
    inputs: inputs.map((name) => ({ name, shape })),
    outputs: [{ name: output, shape }],
  };
}

function nonlinearity(name: string, averaged: AveragedOutput): readonly OnnxNode[] {
  switch (averaged) {
    case "logits":
      return [];
    case "softmax":
      return [node("Softmax", [name], [`${name}/softmax`], { axis: { integer: 1 } })];
    case "sigmoid":
      return [node("Sigmoid", [name], [`${name}/sigmoid`])];
  }
}
