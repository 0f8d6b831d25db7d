import type { OnnxNode } from "./onnx-graph.js";

/** Creates a node with the name of its first output. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxNode["attributes"] = {},
): OnnxNode {
  return { name: outputs[0]!, operator, inputs, outputs, attributes };
}

/** Creates a constant of int64 integers. */
export const constant = (name: string, integers: readonly number[]): OnnxNode =>
  node("Constant", [], [name], { value_ints: { integers } });

/** A chain of nodes whose outputs are named `<path>/<suffix>`. */
export class NodeChain {
  readonly nodes: OnnxNode[] = [];

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds a node and returns the name of its only output. */
  add(
    suffix: string,
    operator: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    return this.addTo(`${this.#path}/${suffix}`, operator, inputs, attributes);
  }

  /** Adds a node as `add` does, but with a full name instead of a suffix. */
  addTo(
    output: string,
    operator: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    this.nodes.push(node(operator, inputs, [output], attributes));
    return output;
  }

  /** Splits along an axis into `sizes`; the parts are named `<suffix>_0`, `<suffix>_1`, … */
  split(
    suffix: string,
    input: string,
    { axis, sizes }: { readonly axis: number; readonly sizes: readonly number[] },
  ): string[] {
    const outputs = sizes.map((_, i) => `${this.#path}/${suffix}_${i}`);
    const inputs = [input, this.integers(`${suffix}_sizes`, sizes)];
    this.nodes.push(node("Split", inputs, outputs, { axis: { integer: axis } }));
    return outputs;
  }

  integers(suffix: string, integers: readonly number[]): string {
    const name = `${this.#path}/${suffix}`;
    this.nodes.push(constant(name, integers));
    return name;
  }

  float(suffix: string, value: number): string {
    return this.add(suffix, "Constant", [], { value_float: { float: value } });
  }

  /** Reshapes: 0 keeps a dimension, and -1 takes the remaining size. */
  reshape(suffix: string, input: string, shape: readonly number[]): string {
    return this.add(suffix, "Reshape", [input, this.integers(`${suffix}_shape`, shape)]);
  }
}

/** Returns a list of integers that the node must have. */
export function integersOf({ name, attributes }: OnnxNode, attribute: string): readonly number[] {
  const value = attributes[attribute];
  if (value === undefined || !("integers" in value)) throw new Error(`${name}: no ${attribute}`);
  return value.integers;
}
