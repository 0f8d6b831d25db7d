import type { ActivationPlan } from "../network/network-plan.js";

/** The facts that only the code of a v1 trainer defines, looked up by class name. */
export interface TrainerFacts {
  readonly isCascade: boolean;
  /**
   * Null if the network has one softmax head per label. Otherwise the name and labels of each region, which
   * has a sigmoid head.
   */
  readonly regions: readonly { readonly name: string; readonly labels: readonly number[] }[] | null;
  readonly doesMirror: boolean;
  /** Null if there is no activation, because filter response normalisation includes one. */
  readonly activation: ActivationPlan | null;
  /** Number of groups of a group normalisation; null for other kinds, which the weights reveal. */
  readonly normGroups: number | null;
  /** True for the order convolution → activation → normalisation. */
  readonly isActivationFirst: boolean;
}

/**
 * Returns the facts for a trainer class. Trainers that change only the training share the same facts. Other
 * normalisations and biases are read from the weights.
 */
export function trainerFacts(trainer: string): TrainerFacts {
  const parts = trainer.split("_");
  // nnUNetTrainerV2BraTSRegions_BN is the only trainer of this family without regions.
  const hasRegions = trainer.includes("BraTSRegions") && trainer !== "nnUNetTrainerV2BraTSRegions_BN";
  return {
    isCascade: trainer.includes("Cascade"),
    regions: hasRegions ? bratsRegions : null,
    doesMirror: !/no(?:Mirroring|DataAugmentation|DA)(?![a-z])/i.test(trainer),
    activation: activationOf(parts),
    // Source: nnUNetTrainerV2_GN.
    normGroups: parts.includes("GN") ? 8 : null,
    isActivationFirst: parts.some((part) => part === "convReLUIN" || part === "convlReLUIN"),
  };
}

/** Source: the trainers in nnunet/training/network_training/nnUNet_variants/architectural_variants. */
function activationOf(parts: readonly string[]): ActivationPlan | null {
  if (parts.includes("FRN")) return null;
  if (parts.includes("GeLU")) return { kind: "gelu", approximation: "none" };
  if (parts.includes("Mish")) return { kind: "mish" };
  if (parts.includes("ReLU")) return { kind: "relu", slope: 0 };
  const isSteep = parts.includes("LReLU") && parts.includes("2en1");
  return { kind: "leakyRelu", slope: isSteep ? 0.2 : 0.01 };
}

const bratsRegions = [
  { name: "whole tumor", labels: [1, 2, 3] },
  { name: "tumor core", labels: [2, 3] },
  { name: "enhancing tumor", labels: [3] },
];
