import { type DecoderStage, decoderStages } from "./decoder-stages.js";
import { convolveSkipEarly } from "./early-skip.js";
import { type FeatureMap, featureMaps } from "./feature-maps.js";
import type { OnnxBody, OnnxGraph, OnnxNode } from "./onnx-graph.js";
import { NodeChain } from "./onnx-nodes.js";
import { padChannels } from "./pad-channels.js";

/** From this size on, a feature map less in memory is worth the operations that it takes. */
const largeMapBytes = 32 << 20;

/**
 * Rewrites a 3-D network into the form that OpenVINO computes fastest and with the least memory: its plain form, in which
 * the convolution over concatenated features becomes one over the upsampled features plus one over the skip. The
 * concatenation would be the largest feature map of the network. OpenVINO adds to the output of one of the two in place, and
 * splits the weights once, when it loads the file.
 *
 * @param largeBytes the size of the largest skip from which it is convolved before the decoder
 */
export function openvinoGraph(network: OnnxGraph, largeBytes = largeMapBytes): OnnxBody {
  const maps = featureMaps(network);
  const replacements = new Map<OnnxNode, readonly OnnxNode[]>();
  const stages = decoderStages(network.nodes);
  const [deepest, ...others] = stages;
  const last = others.at(-1);
  const isLarge = last !== undefined && bytesOf(maps.get(last.convolution.outputs[0]!)!) >= largeBytes;
  let largestSkip = "";
  for (const { concatenation, convolution } of stages) {
    const [upsampled, skip] = concatenation.inputs as [string, string];
    const chain = new NodeChain(convolution.name);
    const [, weight, ...bias] = convolution.inputs as [string, string, ...string[]];
    const sizes = [maps.get(upsampled)!.channels, maps.get(skip)!.channels];
    const [upsampledWeight, skipWeight] = chain.split("weight", weight, { axis: 1, sizes });
    const onUpsampled = chain.add(
      "upsampled",
      "Conv",
      [upsampled, upsampledWeight!, ...bias],
      convolution.attributes,
    );
    const map = maps.get(convolution.outputs[0]!)!;
    const onSkip = chain.add("skip", "Conv", [skip, skipWeight!], convolution.attributes);
    // OpenVINO adds to the output of the convolution that comes second, in place.
    const isEarly = isLarge && convolution === last.convolution;
    chain.addTo(convolution.outputs[0]!, "Add", isEarly ? [onUpsampled, onSkip] : [onSkip, onUpsampled]);
    largestSkip = onSkip;
    maps.set(onUpsampled, map).set(onSkip, map);
    replacements.set(concatenation, []).set(convolution, chain.nodes);
  }
  const nodes = padChannels(
    network.nodes.flatMap((node) => replacements.get(node) ?? [node]),
    { maps, input: network.input.name, output: network.output.name },
  );
  return {
    name: network.name,
    nodes: isLarge
      ? convolveSkipEarly(nodes, {
          convolved: largestSkip,
          deepest: transposedIn(nodes, deepest!),
          dimensions: maps.get(largestSkip)!.sizeZyx.length,
        })
      : nodes,
    inputs: [network.input],
    outputs: [network.output],
  };
}

const bytesOf = ({ channels, sizeZyx }: FeatureMap): number =>
  4 * channels * sizeZyx.reduce((product, size) => product * size, 1);

/** Returns a stage's transposed convolution, which may have got wider weights. */
const transposedIn = (nodes: readonly OnnxNode[], { transposed }: DecoderStage): OnnxNode =>
  nodes.find(({ name }) => name === transposed.name)!;
