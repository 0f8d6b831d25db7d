import type { OnnxNode } from "./onnx-graph.js";

/** A node that is called as its first output. */
export function node(
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  attributes: OnnxNode["attributes"] = {},
): OnnxNode {
  return { name: outputs[0]!, operator, inputs, outputs, attributes };
}

/** Integers that are part of the graph, as int64. */
export const constant = (name: string, integers: readonly number[]): OnnxNode =>
  node("Constant", [], [name], { value_ints: { integers } });

/** Nodes whose values are called `<path>/<suffix>`, one behind the other. */
export class NodeChain {
  readonly nodes: OnnxNode[] = [];

  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** Adds a node and gives the name of its only output. */
  add(
    suffix: string,
    operator: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    return this.addTo(`${this.#path}/${suffix}`, operator, inputs, attributes);
  }

  /** As `add`, with a whole name instead of a suffix. */
  addTo(
    output: string,
    operator: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ): string {
    this.nodes.push(node(operator, inputs, [output], attributes));
    return output;
  }

  /** `sizes` along an axis; they name the parts `<suffix>_0`, `<suffix>_1`, … */
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

  /** 0 keeps a dimension, -1 is what is left. */
  reshape(suffix: string, input: string, shape: readonly number[]): string {
    return this.add(suffix, "Reshape", [input, this.integers(`${suffix}_shape`, shape)]);
  }
}

/** A list of integers that the node must have. */
export function integersOf({ name, attributes }: OnnxNode, attribute: string): readonly number[] {
  const value = attributes[attribute];
  if (value === undefined || !("integers" in value)) throw new Error(`${name}: no ${attribute}`);
  return value.integers;
}
