import type { OnnxNode } from "./onnx-graph.js";

/** The first operations of a decoder stage. */
export interface DecoderStage {
  readonly transposed: OnnxNode;
  readonly concatenation: OnnxNode;
  readonly convolution: OnnxNode;
}

/**
 * Returns the decoder stages in which only one convolution reads the concatenated features, and only the concatenation
 * the upsampled ones. Residual blocks with a projection do not qualify.
 */
export function decoderStages(nodes: readonly OnnxNode[]): DecoderStage[] {
  return nodes.flatMap((convolution) => {
    const concatenation = nodes.find(({ outputs }) => outputs[0] === convolution.inputs[0]);
    if (convolution.operator !== "Conv" || concatenation?.operator !== "Concat") return [];
    const transposed = nodes.find(({ outputs }) => outputs[0] === concatenation.inputs[0]);
    if (transposed?.operator !== "ConvTranspose") return [];
    const isOnlyReader = (reader: OnnxNode, { outputs }: OnnxNode): boolean =>
      nodes.every((node) => node === reader || !node.inputs.includes(outputs[0]!));
    // The gate of an attention U-Net reads the upsampled features too.
    if (!isOnlyReader(convolution, concatenation) || !isOnlyReader(concatenation, transposed)) return [];
    return [{ transposed, concatenation, convolution }];
  });
}
