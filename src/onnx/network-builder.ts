import { ProcessorError } from "../../processor/errors.js";
import type { OnnxAttribute, OnnxGraph, OnnxInitializer, OnnxNode } from "./onnx-graph.js";

/** Names and shapes of a checkpoint's tensors: all that building a graph needs of them. */
export type TensorShapes = ReadonlyMap<string, readonly number[]>;

export interface ConvolutionOptions {
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** One entry per spatial axis. */
  readonly kernel: readonly number[];
  readonly stride: readonly number[];
  readonly hasBias: boolean;
}

export type Normalization =
  | { readonly kind: "none" }
  | { readonly kind: "instance" | "batch"; readonly epsilon: number; readonly isAffine: boolean };

export type Activation =
  | { readonly kind: "none" }
  | { readonly kind: "relu" }
  | { readonly kind: "leaky-relu"; readonly slope: number };

/** Builds a graph layer by layer and checks every tensor that a layer takes against its expected shape. */
export class NetworkBuilder {
  private readonly nodes: OnnxNode[] = [];
  private readonly initializers = new Map<string, OnnxInitializer>();
  private readonly problems: string[] = [];
  private count = 0;

  constructor(
    private readonly shapes: TensorShapes,
    /** 2 or 3. */
    readonly dimensions: number,
  ) {}

  node(
    op: string,
    inputs: readonly string[],
    attributes: Readonly<Record<string, OnnxAttribute>> = {},
  ): string {
    const output = `${op.toLowerCase()}_${this.count++}`;
    this.nodes.push({ op, inputs, output, attributes });
    return output;
  }

  convolution(input: string, name: string, options: ConvolutionOptions): string {
    const { inputChannels, outputChannels, kernel, stride, hasBias } = options;
    // torch pads (k - 1) // 2 on both sides, for even kernels as well.
    const padding = kernel.map((size) => Math.floor((size - 1) / 2));
    return this.node(
      "Conv",
      [
        input,
        this.weight(`${name}.weight`, [outputChannels, inputChannels, ...kernel]),
        ...(hasBias ? [this.weight(`${name}.bias`, [outputChannels])] : []),
      ],
      { kernel_shape: { ints: kernel }, strides: { ints: stride }, pads: { ints: [...padding, ...padding] } },
    );
  }

  /** Kernel equals stride, no padding: the only kind that nnU-Net uses. */
  transposedConvolution(input: string, name: string, options: Omit<ConvolutionOptions, "kernel">): string {
    const { inputChannels, outputChannels, stride, hasBias } = options;
    return this.node(
      "ConvTranspose",
      [
        input,
        this.weight(`${name}.weight`, [inputChannels, outputChannels, ...stride]),
        ...(hasBias ? [this.weight(`${name}.bias`, [outputChannels])] : []),
      ],
      { kernel_shape: { ints: stride }, strides: { ints: stride } },
    );
  }

  normalization(
    input: string,
    name: string,
    { channels, kind }: { channels: number; kind: Normalization },
  ): string {
    if (kind.kind === "none") return input;
    if (!kind.isAffine) {
      throw new ProcessorError("ARCHITECTURE_UNKNOWN", `${name}: a normalisation without affine parameters`);
    }
    const parameter = (suffix: string) => this.weight(`${name}.${suffix}`, [channels]);
    const epsilon = { float: kind.epsilon };
    if (kind.kind === "instance") {
      return this.node("InstanceNormalization", [input, parameter("weight"), parameter("bias")], { epsilon });
    }
    const inputs = [input, ...["weight", "bias", "running_mean", "running_var"].map(parameter)];
    return this.node("BatchNormalization", inputs, { epsilon });
  }

  activation(input: string, activation: Activation): string {
    switch (activation.kind) {
      case "none":
        return input;
      case "relu":
        return this.node("Relu", [input]);
      case "leaky-relu":
        return this.node("LeakyRelu", [input], { alpha: { float: activation.slope } });
    }
  }

  averagePool(input: string, stride: readonly number[]): string {
    return this.node("AveragePool", [input], { kernel_shape: { ints: stride }, strides: { ints: stride } });
  }

  maximumPool(input: string, stride: readonly number[]): string {
    return this.node("MaxPool", [input], { kernel_shape: { ints: stride }, strides: { ints: stride } });
  }

  concatenate(inputs: readonly string[]): string {
    return this.node("Concat", inputs, { axis: { int: 1 } });
  }

  /** Takes a tensor of the checkpoint; a wrong or missing one is remembered, so that all are told at once. */
  weight(name: string, shape: readonly number[]): string {
    const found = this.shapes.get(name);
    if (found === undefined) this.problems.push(`${name} is missing; expected (${shape.join(", ")})`);
    else if (found.length !== shape.length || found.some((size, axis) => size !== shape[axis])) {
      this.problems.push(
        `${name} has shape (${found.join(", ")}); plans.json asks for (${shape.join(", ")})`,
      );
    }
    this.initializers.set(name, { name, shape });
    return name;
  }

  /**
   * @param isKnownExtra tensors that a checkpoint holds without the inference network using them
   * @throws TENSOR_MISMATCH naming the first tensors that are missing, misshapen or left over
   */
  finish(options: {
    readonly name: string;
    readonly output: string;
    readonly inputChannels: number;
    readonly outputChannels: number;
    readonly patchSize: readonly number[];
    readonly isKnownExtra: (name: string) => boolean;
  }): OnnxGraph {
    for (const [name, shape] of this.shapes) {
      if (this.initializers.has(name) || options.isKnownExtra(name)) continue;
      this.problems.push(`${name} (${shape.join(", ")}) has no place in the network of plans.json`);
    }
    if (this.problems.length > 0) {
      const shown = this.problems.slice(0, 6);
      if (this.problems.length > shown.length) shown.push(`and ${this.problems.length - shown.length} more`);
      throw new ProcessorError("TENSOR_MISMATCH", `${options.name}: ${shown.join("; ")}`);
    }
    this.nodes.push({ op: "Identity", inputs: [options.output], output: "logits", attributes: {} });
    return {
      name: options.name,
      input: { name: "input", shape: ["batch", options.inputChannels, ...options.patchSize] },
      output: { name: "logits", shape: ["batch", options.outputChannels, ...options.patchSize] },
      nodes: this.nodes,
      initializers: [...this.initializers.values()],
    };
  }
}
