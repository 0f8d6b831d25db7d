/**
 * What `convert` writes. `processor`: what a processor runs. `onnx`: plain networks for other runtimes. `triton`: the same
 * as a model repository for NVIDIA's Triton Inference Server.
 */
export const convertFormats = ["processor", "onnx", "triton"] as const;

export type ConvertFormat = (typeof convertFormats)[number];
