import type { NetworkSite } from "../convolution-block.js";
import type { Feature } from "../graph-builder.js";
import { rotaryTables } from "./rotary-tables.js";
import { TokenBuilder } from "./token-builder.js";

/**
 * `Primus` of dynamic-network-architectures: 8 × 8 × 8 voxels become one token, tokens pass through the blocks of a
 * transformer (EVA-02: rotary position embedding, SwiGLU, layer scale), and three transposed convolutions turn them back.
 */
export function primus(site: NetworkSite): Feature {
  const { plan } = site;
  const { depth, embedding, heads, tokenSize } = plan.transformer!;
  const grid = plan.patchSize.map((size) => size / tokenSize);
  const tokens = new TokenBuilder(site, embedding);
  const rotary = rotaryTables(grid, embedding / heads);
  let x = tokens.embed("down_projection.proj", site.graph.input, tokenSize);
  x = tokens.add(
    "eva.embedded",
    x,
    tokens.parameter("eva.pos_embed", [1, grid.reduce((a, b) => a * b, 1), embedding]),
  );
  const tables = tokens.tables(rotary);
  for (let i = 0; i < depth; i++) {
    const path = `eva.blocks.${i}`;
    const attention = tokens.attention(`${path}.attn`, tokens.layerNorm(`${path}.norm1`, x, embedding), {
      heads,
      tables,
    });
    x = tokens.add(`${path}.add1`, x, tokens.scale(`${path}.gamma_1`, attention));
    const mixed = tokens.swiGlu(`${path}.mlp`, tokens.layerNorm(`${path}.norm2`, x, embedding));
    x = tokens.add(`${path}.add2`, x, tokens.scale(`${path}.gamma_2`, mixed));
  }
  const encoded = tokens.toMap("eva.map", tokens.layerNorm("eva.norm", x, embedding), grid);
  return decode(site, tokens, encoded);
}

function decode(site: NetworkSite, tokens: TokenBuilder, encoded: Feature): Feature {
  const { graph, parameters, plan } = site;
  const stride = plan.patchSize.map(() => 2);
  const upsample = (path: string, x: Feature, channels: number): Feature =>
    graph.transposedConvolution(path, x, {
      weight: parameters.take(`${path}.weight`, [x.channels, channels, ...stride]),
      bias: parameters.take(`${path}.bias`, [channels]),
      stride,
    });
  const path = "up_projection.decode";
  const decoded = plan.transformer!.decoderChannels.reduce((x, channels, stage) => {
    const upsampled = upsample(`${path}.${stage}.0`, x, channels);
    const normalized = tokens.channelNorm(`${path}.${stage}.1`, upsampled);
    return graph.activation(`${path}.${stage}.2`, normalized, plan.activation);
  }, encoded);
  return upsample(`${path}.2`, decoded, plan.outputChannels);
}
