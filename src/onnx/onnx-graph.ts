import type { WeightTensor } from "../network/checkpoint.js";

/** A network as ONNX knows it; its weights are read from the checkpoint only when they are written. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxWeight[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
}

/** Nodes from inputs to outputs: what an ONNX file computes, or what a node repeats. */
export interface OnnxBody {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
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
  | { readonly integers: readonly number[] }
  | { readonly text: string }
  | { readonly body: OnnxBody };

export interface OnnxValue {
  readonly name: string;
  /** A text is a dimension that is known at run time only. */
  readonly shape: readonly (number | string)[];
  /** Absent: float32. */
  readonly elementType?: OnnxElementType;
}

/** ONNX's enumeration TensorProto.DataType, as far as it is needed. */
export const onnxElementTypes = { float32: 1, int64: 7, float16: 10 } as const;

export type OnnxElementType = keyof typeof onnxElementTypes;

/** One float32 initializer. */
export interface OnnxWeight {
  readonly name: string;
  readonly values: WeightTensor;
}
