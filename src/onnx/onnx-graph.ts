import type { WeightTensor } from "../checkpoint/checkpoint.js";

/** A network as ONNX knows it; its weights are read from the checkpoint only when they are written. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxWeight[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
}

export interface OnnxNode {
  readonly name: string;
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute =
  | { readonly integer: number }
  | { readonly float: number }
  | { readonly integers: readonly number[] };

export interface OnnxValue {
  readonly name: string;
  /** A text is a dimension that is known at run time only. */
  readonly shape: readonly (number | string)[];
}

/** One float32 initializer. */
export interface OnnxWeight {
  readonly name: string;
  readonly values: WeightTensor;
}
