import type { WeightTensor } from "../../checkpoint/network/checkpoint.js";
import type { NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import type { OnnxNode } from "../onnx-graph.js";
import { NodeChain } from "../onnx-nodes.js";
import type { RotaryTables } from "./rotary-tables.js";

/** The names of the tables of a rotary embedding; those of queries are also divided by the root of a head's width. */
export interface TableNames {
  readonly width: number;
  readonly queries: readonly [cosines: string, signedSines: string];
  readonly keys: readonly [cosines: string, signedSines: string];
  /** For each value of a head, the index of the other one of its pair. */
  readonly pairs: readonly number[];
}

/** torch's default for LayerNorm, and that of Primus's decoder. */
const epsilons = { tokens: 1e-5, channels: 1e-6 } as const;

/** Builds the layers of a transformer. Values are `batch × token × embedding`, by their names. */
export class TokenBuilder {
  readonly #site: NetworkSite;
  readonly #embedding: number;

  constructor(site: NetworkSite, embedding: number) {
    this.#site = site;
    this.#embedding = embedding;
  }

  /** Cuts a map into tokens by a convolution whose kernel equals its stride. */
  embed(path: string, x: Feature, size: number): string {
    const { graph, parameters, plan } = this.#site;
    const kernel = plan.patchSize.map(() => size);
    const map = graph.convolution(path, x, {
      weight: parameters.take(`${path}.weight`, [this.#embedding, x.channels, ...kernel]),
      bias: parameters.take(`${path}.bias`, [this.#embedding]),
      stride: kernel,
      padding: kernel.map(() => 0),
    });
    return this.#chain(`${path}.tokens`, (chain, output) => {
      const rows = chain.reshape("rows", map.name, [0, this.#embedding, -1]);
      chain.addTo(output, "Transpose", [rows], { perm: { integers: [0, 2, 1] } });
    });
  }

  /** Puts tokens back on their grid. */
  toMap(name: string, x: string, grid: readonly number[]): Feature {
    const output = this.#chain(name, (chain, to) => {
      const rows = chain.add("rows", "Transpose", [x], { perm: { integers: [0, 2, 1] } });
      chain.addTo(to, "Reshape", [rows, chain.integers("shape", [0, this.#embedding, ...grid])]);
    });
    return { name: output, channels: this.#embedding };
  }

  parameter(path: string, shape: readonly number[]): string {
    return this.#site.graph.weight(path, this.#site.parameters.take(path, shape));
  }

  add(name: string, a: string, b: string): string {
    return this.#chain(name, (chain, output) => chain.addTo(output, "Add", [a, b]));
  }

  /** Multiplies by a learnt factor for each value of the embedding (layer scale). */
  scale(path: string, x: string): string {
    const factor = this.parameter(path, [this.#embedding]);
    return this.#chain(`${path}.scaled`, (chain, output) => chain.addTo(output, "Mul", [x, factor]));
  }

  layerNorm(path: string, x: string, width: number): string {
    const inputs = [x, this.parameter(`${path}.weight`, [width]), this.parameter(`${path}.bias`, [width])];
    return this.#chain(path, (chain, output) =>
      chain.addTo(output, "LayerNormalization", inputs, { epsilon: { float: epsilons.tokens } }),
    );
  }

  /** Normalises the channels of each voxel. */
  channelNorm(path: string, x: Feature): Feature {
    const axes = this.#site.plan.patchSize.map((_, i) => i + 2);
    const inputs = [`${path}.weight`, `${path}.bias`].map((name) => this.parameter(name, [x.channels]));
    const name = this.#chain(path, (chain, output) => {
      const last = chain.add("last", "Transpose", [x.name], { perm: { integers: [0, ...axes, 1] } });
      const normalized = chain.add("normalized", "LayerNormalization", [last, ...inputs], {
        epsilon: { float: epsilons.channels },
      });
      const back = [0, axes.length + 1, ...axes.map((axis) => axis - 1)];
      chain.addTo(output, "Transpose", [normalized], { perm: { integers: back } });
    });
    return { name, channels: x.channels };
  }

  tables({ tokens, width, cosines, signedSines }: RotaryTables): TableNames {
    const root = 1 / Math.sqrt(width);
    const put = (name: string, values: Float32Array): string =>
      this.#site.graph.weight(name, fixed([tokens, width], values));
    return {
      width,
      queries: [
        put(
          "eva.rope.query_cosines",
          cosines.map((value) => value * root),
        ),
        put(
          "eva.rope.query_sines",
          signedSines.map((value) => value * root),
        ),
      ],
      keys: [put("eva.rope.cosines", cosines), put("eva.rope.sines", signedSines)],
      pairs: Array.from({ length: width }, (_, i) => i ^ 1),
    };
  }

  /** timm's `EvaAttention` with separate projections, a rotary embedding, and a norm before the last projection. */
  attention(
    path: string,
    x: string,
    { heads, tables }: { readonly heads: number; readonly tables: TableNames },
  ): string {
    const width = this.#embedding;
    const project = (name: string, hasBias: boolean): string => {
      const projected = this.#linear(`${path}.${name}`, x, { from: width, to: width, hasBias });
      return this.#chain(`${path}.${name}.heads`, (chain, output) => {
        const split = chain.reshape("split", projected, [0, -1, heads, tables.width]);
        chain.addTo(output, "Transpose", [split], { perm: { integers: [0, 2, 1, 3] } });
      });
    };
    const query = this.#rotate(`${path}.query`, project("q_proj", true), tables.queries, tables.pairs);
    const key = this.#rotate(`${path}.key`, project("k_proj", false), tables.keys, tables.pairs);
    const value = project("v_proj", true);
    const joined = this.#chain(`${path}.joined`, (chain, output) => {
      const turned = chain.add("keys", "Transpose", [key], { perm: { integers: [0, 1, 3, 2] } });
      const scores = chain.add("scores", "MatMul", [query, turned]);
      const shares = chain.add("shares", "Softmax", [scores], { axis: { integer: -1 } });
      const mixed = chain.add("mixed", "MatMul", [shares, value]);
      const last = chain.add("last", "Transpose", [mixed], { perm: { integers: [0, 2, 1, 3] } });
      chain.addTo(output, "Reshape", [last, chain.integers("shape", [0, -1, width])]);
    });
    const normalized = this.layerNorm(`${path}.norm`, joined, width);
    return this.#linear(`${path}.proj`, normalized, { from: width, to: width, hasBias: true });
  }

  /** timm's `SwiGLU` with a norm: `fc2(norm(silu(fc1_g(x)) · fc1_x(x)))`. */
  swiGlu(path: string, x: string): string {
    const from = this.#embedding;
    const hidden = Math.trunc((from * 4 * 2) / 3);
    const gate = this.#linear(`${path}.fc1_g`, x, { from, to: hidden, hasBias: true });
    const values = this.#linear(`${path}.fc1_x`, x, { from, to: hidden, hasBias: true });
    const gated = this.#chain(`${path}.gated`, (chain, output) => {
      const open = chain.add("open", "Mul", [gate, chain.add("sigmoid", "Sigmoid", [gate])]);
      chain.addTo(output, "Mul", [open, values]);
    });
    const normalized = this.layerNorm(`${path}.norm`, gated, hidden);
    return this.#linear(`${path}.fc2`, normalized, { from: hidden, to: from, hasBias: true });
  }

  /** Turns each pair of values by the angle of its token: `x · cos + (other of the pair) · ±sin`. */
  #rotate(
    name: string,
    x: string,
    [cosines, signedSines]: readonly [string, string],
    pairs: readonly number[],
  ): string {
    return this.#chain(name, (chain, output) => {
      const others = chain.add("others", "Gather", [x, chain.integers("pairs", pairs)], {
        axis: { integer: -1 },
      });
      const turned = chain.add("turned", "Mul", [others, signedSines]);
      chain.addTo(output, "Add", [chain.add("kept", "Mul", [x, cosines]), turned]);
    });
  }

  #linear(
    path: string,
    x: string,
    { from, to, hasBias }: { readonly from: number; readonly to: number; readonly hasBias: boolean },
  ): string {
    const weight = this.parameter(`${path}.weight`, [to, from]);
    const bias = hasBias ? this.parameter(`${path}.bias`, [to]) : null;
    return this.#chain(path, (chain, output) => {
      const turned = chain.add("turned", "Transpose", [weight], { perm: { integers: [1, 0] } });
      if (bias === null) chain.addTo(output, "MatMul", [x, turned]);
      else chain.addTo(output, "Add", [chain.add("product", "MatMul", [x, turned]), bias]);
    });
  }

  #chain(output: string, build: (chain: NodeChain, output: string) => void): string {
    const chain = new NodeChain(output);
    build(chain, output);
    const nodes: readonly OnnxNode[] = chain.nodes;
    this.#site.graph.append(nodes);
    return output;
  }
}

const fixed = (shape: readonly number[], values: Float32Array): WeightTensor => ({
  shape,
  async *chunks() {
    yield Float32Array.from(values);
  },
});
