import type { WeightTensor } from "../checkpoint/network/checkpoint.js";

/** A network in terms of ONNX. Its weights are read from the checkpoint only when they are written. */
export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly weights: readonly OnnxWeight[];
  readonly input: OnnxValue;
  readonly output: OnnxValue;
}

/** Nodes from inputs to outputs: the body of an ONNX file, or of a node that repeats it. */
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
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly body: OnnxBody };

export interface OnnxValue {
  readonly name: string;
  /** A string is the name of a dimension that is known only at run time. */
  readonly shape: readonly (number | string)[];
  /** Defaults to float32. */
  readonly elementType?: OnnxElementType;
}

/** The values of ONNX's enumeration TensorProto.DataType that are needed here. */
export const onnxElementTypes = { float32: 1, int64: 7, float16: 10 } as const;

export type OnnxElementType = keyof typeof onnxElementTypes;

/** A float32 initializer. */
export interface OnnxWeight {
  readonly name: string;
  readonly values: WeightTensor;
}
