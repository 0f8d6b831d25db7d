import type { WeightTensor } from "../checkpoint/network/checkpoint.js";
import type { ActivationPlan, NetworkPlan } from "../checkpoint/network/network-plan.js";
import { activationNodes } from "./activation-nodes.js";
import { type BatchNormTensors, foldedBias, foldedWeight } from "./batch-norm.js";
import { groupNormNodes, responseNormNodes } from "./normalization-nodes.js";
import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxWeight } from "./onnx-graph.js";
import { NodeChain } from "./onnx-nodes.js";

/** A value between two nodes. */
export interface Feature {
  readonly name: string;
  readonly channels: number;
}

export interface ConvolutionTensors {
  /** `out × in × kernel`, or `in × out × kernel` for a transposed convolution. */
  readonly weight: WeightTensor;
  readonly bias: WeightTensor | null;
  readonly stride: readonly number[];
  /** On both sides of each axis. */
  readonly padding?: readonly number[];
}

/** Collects nodes and weights in the order of computation. Names are the paths of nnU-Net's modules. */
export class GraphBuilder {
  readonly #nodes: OnnxNode[] = [];
  readonly #weights = new Map<string, OnnxWeight>();
  readonly input: Feature;

  constructor(inputChannels: number) {
    this.input = { name: "input", channels: inputChannels };
  }

  /** Adds a convolution. Unless given, the padding on both sides is `(kernel - 1) / 2`, rounded down. */
  convolution(name: string, x: Feature, { weight, bias, stride, ...given }: ConvolutionTensors): Feature {
    const kernel = weight.shape.slice(2);
    const padding = given.padding ?? kernel.map((size) => Math.floor((size - 1) / 2));
    const inputs = [x.name, this.#weight(`${name}.weight`, weight)];
    if (bias !== null) inputs.push(this.#weight(`${name}.bias`, bias));
    return this.#node(name, "Conv", {
      inputs,
      channels: weight.shape[0]!,
      attributes: {
        kernel_shape: { integers: kernel },
        strides: { integers: stride },
        pads: { integers: [...padding, ...padding] },
      },
    });
  }

  /** Adds a convolution and the BatchNorm that follows it as one convolution. */
  normalizedConvolution(
    name: string,
    x: Feature,
    { weight, bias, stride, norm }: ConvolutionTensors & { readonly norm: BatchNormTensors },
  ): Feature {
    return this.convolution(name, x, {
      weight: foldedWeight(weight, norm),
      bias: foldedBias(bias, norm),
      stride,
    });
  }

  /**
   * Adds a transposed convolution. Without padding its kernel equals its stride, so that the windows of the output do not
   * overlap; with padding, each axis grows by its stride.
   */
  transposedConvolution(
    name: string,
    x: Feature,
    { weight, bias, stride, padding }: ConvolutionTensors,
  ): Feature {
    const inputs = [x.name, this.#weight(`${name}.weight`, weight)];
    if (bias !== null) inputs.push(this.#weight(`${name}.bias`, bias));
    return this.#node(name, "ConvTranspose", {
      inputs,
      channels: weight.shape[1]!,
      attributes: {
        kernel_shape: { integers: weight.shape.slice(2) },
        strides: { integers: stride },
        ...(padding === undefined
          ? {}
          : {
              pads: { integers: [...padding, ...padding] },
              output_padding: { integers: stride.map((step) => step - 1) },
            }),
      },
    });
  }

  /** Adds an activation whose slopes for negative values were learnt, one for each channel or one for all. */
  learntSlopes(name: string, x: Feature, slopes: WeightTensor, spatialAxes: number): Feature {
    const count = slopes.shape[0]!;
    const slope = this.#weight(`${name}.weight`, broadcast(slopes, [count], spatialAxes));
    return this.#node(name, "PRelu", { inputs: [x.name, slope], channels: x.channels, attributes: {} });
  }

  /** Adds an instance normalisation. A null scale counts as one and a null shift as zero. */
  instanceNorm(name: string, x: Feature, norm: InstanceNormTensors): Feature {
    const scale = norm.scale ?? filled(x.channels, 1);
    const shift = norm.shift ?? filled(x.channels, 0);
    return this.#node(name, "InstanceNormalization", {
      inputs: [x.name, this.#weight(`${name}.weight`, scale), this.#weight(`${name}.bias`, shift)],
      channels: x.channels,
      attributes: { epsilon: { float: norm.epsilon } },
    });
  }

  batchNorm(name: string, x: Feature, norm: BatchNormTensors): Feature {
    const inputs = [
      x.name,
      this.#weight(`${name}.weight`, norm.scale ?? filled(x.channels, 1)),
      this.#weight(`${name}.bias`, norm.shift ?? filled(x.channels, 0)),
      this.#weight(`${name}.running_mean`, norm.mean),
      this.#weight(`${name}.running_var`, norm.variance),
    ];
    return this.#node(name, "BatchNormalization", {
      inputs,
      channels: x.channels,
      attributes: { epsilon: { float: norm.epsilon } },
    });
  }

  /** Adds a group normalisation. A null scale counts as one and a null shift as zero. */
  groupNorm(name: string, x: Feature, norm: GroupNormTensors): Feature {
    const { groups, epsilon, scale, shift, spatialAxes } = norm;
    const perChannel = (suffix: string, values: WeightTensor | null): string | null =>
      values === null
        ? null
        : this.#weight(`${name}.${suffix}`, broadcast(values, [x.channels], spatialAxes));
    const nodes = groupNormNodes({
      input: x.name,
      output: name,
      spatialAxes,
      channels: x.channels,
      groups,
      epsilon,
      one: this.#weight(`${name}.group_one`, filled(groups, 1)),
      zero: this.#weight(`${name}.group_zero`, filled(groups, 0)),
      scale: perChannel("weight", scale),
      shift: perChannel("bias", shift),
    });
    this.#nodes.push(...nodes);
    return { name, channels: x.channels };
  }

  responseNorm(name: string, x: Feature, norm: ResponseNormTensors): Feature {
    const nodes = responseNormNodes({
      input: x.name,
      output: name,
      epsilon: norm.epsilon,
      scale: this.#weight(`${name}.weight`, norm.scale),
      shift: this.#weight(`${name}.bias`, norm.shift),
      threshold: this.#weight(`${name}.tau`, norm.threshold),
    });
    this.#nodes.push(...nodes);
    return { name, channels: x.channels };
  }

  activation(name: string, x: Feature, plan: ActivationPlan | null): Feature {
    if (plan === null) return x;
    this.#nodes.push(...activationNodes(plan, x.name, name));
    return { name, channels: x.channels };
  }

  averagePool(name: string, x: Feature, stride: readonly number[]): Feature {
    return this.#node(name, "AveragePool", {
      inputs: [x.name],
      channels: x.channels,
      attributes: { kernel_shape: { integers: stride }, strides: { integers: stride } },
    });
  }

  add(name: string, a: Feature, b: Feature): Feature {
    return this.#node(name, "Add", { inputs: [a.name, b.name], channels: a.channels, attributes: {} });
  }

  /** Adds nodes whose inputs exist already. */
  append(nodes: readonly OnnxNode[]): void {
    this.#nodes.push(...nodes);
  }

  /** Adds a weight and returns its name. */
  weight(name: string, values: WeightTensor): string {
    return this.#weight(name, values);
  }

  /** Multiplies by a map that has the same channels, or one. */
  multiply(name: string, x: Feature, map: Feature): Feature {
    return this.#node(name, "Mul", { inputs: [x.name, map.name], channels: x.channels, attributes: {} });
  }

  /** Doubles each spatial axis by linear interpolation with aligned corners. */
  upsampleLinear(name: string, x: Feature, spatialAxes: number): Feature {
    const scales = `${name}.scales`;
    const floats = Float32Array.from([1, 1, ...Array.from({ length: spatialAxes }, () => 2)]);
    const chain = new NodeChain(name);
    chain.addTo(scales, "Constant", [], { value_floats: { floats: [...floats] } });
    this.#nodes.push(...chain.nodes);
    return this.#node(name, "Resize", {
      inputs: [x.name, "", scales],
      channels: x.channels,
      attributes: {
        mode: { text: "linear" },
        coordinate_transformation_mode: { text: "align_corners" },
      },
    });
  }

  /** Concatenates along the channels. */
  concatenate(name: string, a: Feature, b: Feature): Feature {
    return this.#node(name, "Concat", {
      inputs: [a.name, b.name],
      channels: a.channels + b.channels,
      attributes: { axis: { integer: 1 } },
    });
  }

  /**
   * Returns the complete graph, from `input` (batch × channels × patch) to `logits` (batch × heads × patch).
   */
  finish(plan: GraphFrame, logits: Feature): OnnxGraph {
    const nodes = this.#nodes.map((node) => ({
      ...node,
      outputs: node.outputs.map((output) => (output === logits.name ? "logits" : output)),
    }));
    return {
      name: plan.architecture,
      nodes,
      weights: [...this.#weights.values()],
      input: { name: this.input.name, shape: ["batch", plan.inputChannels, ...plan.patchSize] },
      output: { name: "logits", shape: ["batch", plan.outputChannels, ...plan.patchSize] },
    };
  }

  #node(name: string, operator: string, { inputs, channels, attributes }: NodeOptions): Feature {
    this.#nodes.push({ name, operator, inputs, outputs: [name], attributes });
    return { name, channels };
  }

  #weight(name: string, values: WeightTensor): string {
    this.#weights.set(name, { name, values });
    return name;
  }
}

/** The part of the plan that determines the graph's name, input and output. */
export type GraphFrame = Pick<NetworkPlan, "architecture" | "inputChannels" | "outputChannels" | "patchSize">;

export interface InstanceNormTensors {
  readonly scale: WeightTensor | null;
  readonly shift: WeightTensor | null;
  readonly epsilon: number;
}

export interface GroupNormTensors extends InstanceNormTensors {
  readonly groups: number;
  readonly spatialAxes: number;
}

/** Each tensor has the shape `1 × channels × 1 × 1 …`. */
export interface ResponseNormTensors {
  readonly scale: WeightTensor;
  readonly shift: WeightTensor;
  readonly threshold: WeightTensor;
  readonly epsilon: number;
}

interface NodeOptions {
  readonly inputs: readonly string[];
  readonly channels: number;
  readonly attributes: Readonly<Record<string, OnnxAttribute>>;
}

/** Appends axes of length 1 to a shape. */
const broadcast = (values: WeightTensor, shape: readonly number[], axes: number): WeightTensor => ({
  ...values,
  shape: [...shape, ...Array.from({ length: axes }, () => 1)],
});

const filled = (length: number, value: number): WeightTensor => ({
  shape: [length],
  async *chunks() {
    yield new Float32Array(length).fill(value);
  },
});
