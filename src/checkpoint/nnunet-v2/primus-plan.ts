import { sharedError } from "../../../processor/contract/shared-errors.js";
import { builderError } from "../../ground/errors/builder-errors.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { NetworkPlan } from "../network/network-plan.js";

export interface PrimusSources {
  readonly weights: NetworkWeights;
  readonly patchSize: readonly number[];
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** For messages. */
  readonly source: string;
}

/**
 * The number of attention heads of each size of Primus by its embedding: S, B, M and L.
 *
 * Source: nnunetv2/training/nnUNetTrainer/primus/primus_trainers.py.
 */
const headsOf: Readonly<Record<number, number>> = { 396: 6, 792: 12, 864: 12, 1056: 16 };

/** The voxels of a token along each axis. */
const tokenSize = 8;

/**
 * Reads the transformer of nnU-Net's Primus trainers, which ignore the network in plans.json. Its size follows from the
 * tensors.
 *
 * @throws PLANS_UNSUPPORTED for a patch that is not 3-D or not divisible by 8; TENSOR_MISMATCH for another size
 */
export function readPrimusNetwork(sources: PrimusSources): NetworkPlan {
  const { weights, patchSize, inputChannels, outputChannels, source } = sources;
  if (patchSize.length !== 3 || patchSize.some((size) => size % tokenSize !== 0))
    throw sharedError(
      "PLANS_UNSUPPORTED",
      `${source}: Primus needs a 3-D patch whose sizes can be divided by ${tokenSize}, but it is ${patchSize.join("×")}`,
    );
  const embedding = weights.get("down_projection.proj.weight")?.shape[0] ?? 0;
  const heads = headsOf[embedding];
  if (heads === undefined)
    throw builderError(
      "TENSOR_MISMATCH",
      `${source}: Primus has an embedding of ${Object.keys(headsOf).join(", ")} values, but this one has ${embedding}`,
    );
  let depth = 0;
  while (depth < maxDepth && weights.has(`eva.blocks.${depth}.gamma_1`)) depth++;
  return {
    architecture: "Primus",
    inputChannels,
    outputChannels,
    patchSize,
    stages: [],
    decoder: [],
    hasConvolutionBias: true,
    hasUpsamplingBias: true,
    hasHeadBias: true,
    normalization: null,
    activation: { kind: "gelu", approximation: "none" },
    isActivationFirst: false,
    residual: null,
    transformer: { embedding, heads, depth, tokenSize, decoderChannels: decoderChannels(weights) },
  };
}

const maxDepth = 128;

/** Returns the channels between the transposed convolutions of the decoder. */
const decoderChannels = (weights: NetworkWeights): readonly number[] =>
  [0, 1].map((stage) => weights.get(`up_projection.decode.${stage}.0.weight`)?.shape[1] ?? 0);
