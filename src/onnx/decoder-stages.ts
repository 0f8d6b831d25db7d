import type { OnnxNode } from "./onnx-graph.js";

/** The first operations of a decoder stage. */
export interface DecoderStage {
  readonly transposed: OnnxNode;
  readonly concatenation: OnnxNode;
  readonly convolution: OnnxNode;
}

/**
 * Returns the decoder stages in which only one convolution reads the concatenated features. Residual blocks
 * with a projection do not qualify.
 */
export function decoderStages(nodes: readonly OnnxNode[]): DecoderStage[] {
  return nodes.flatMap((convolution) => {
    const concatenation = nodes.find(({ outputs }) => outputs[0] === convolution.inputs[0]);
    if (convolution.operator !== "Conv" || concatenation?.operator !== "Concat") return [];
    const transposed = nodes.find(({ outputs }) => outputs[0] === concatenation.inputs[0]);
    const isOnlyReader = nodes.every(
      (node) => node === convolution || !node.inputs.includes(concatenation.outputs[0]!),
    );
    if (transposed?.operator !== "ConvTranspose" || !isOnlyReader) return [];
    return [{ transposed, concatenation, convolution }];
  });
}
