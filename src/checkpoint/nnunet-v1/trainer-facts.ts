import { ProcessorError } from "../../../processor/errors.js";
import type { ActivationPlan } from "../../onnx/network-plan.js";

/** What only the code of a v1 trainer says, known by the class's name. */
export interface TrainerFacts {
  readonly isCascade: boolean;
  /** Null: one head per label with softmax. Else region names and labels, each with a sigmoid. */
  readonly regions: readonly { readonly name: string; readonly labels: readonly number[] }[] | null;
  readonly doesMirror: boolean;
  readonly activation: ActivationPlan;
  /** conv → activation → normalisation. */
  readonly isActivationFirst: boolean;
}

/**
 * Trainers that change only training are all alike here; normalisation and biases show in the weights.
 *
 * @throws PLANS_UNSUPPORTED for a trainer of nnU-Net whose network has the usual tensors, but computes something
 * that inference does not know.
 */
export function trainerFacts(trainer: string): TrainerFacts {
  const parts = trainer.split("_");
  const unknown = parts.find((part) => unknownLayers.has(part));
  if (unknown !== undefined) {
    throw new ProcessorError(
      "PLANS_UNSUPPORTED",
      `the trainer ${trainer} builds the network with ${unknown}`,
    );
  }
  // nnUNetTrainerV2BraTSRegions_BN is the one of this family that was trained without regions.
  const hasRegions = trainer.includes("BraTSRegions") && trainer !== "nnUNetTrainerV2BraTSRegions_BN";
  return {
    isCascade: trainer.includes("Cascade"),
    regions: hasRegions ? bratsRegions : null,
    doesMirror: !/no(?:Mirroring|DataAugmentation|DA)(?![a-z])/i.test(trainer),
    activation: activationOf(parts),
    isActivationFirst: parts.some((part) => part === "convReLUIN" || part === "convlReLUIN"),
  };
}

const unknownLayers = new Set(["GeLU", "Mish", "FRN", "GN"]);

function activationOf(parts: readonly string[]): ActivationPlan {
  if (parts.includes("ReLU")) return { kind: "relu", slope: 0 };
  const isSteep = parts.includes("LReLU") && parts.includes("2en1");
  return { kind: "leakyRelu", slope: isSteep ? 0.2 : 0.01 };
}

const bratsRegions = [
  { name: "whole tumor", labels: [1, 2, 3] },
  { name: "tumor core", labels: [2, 3] },
  { name: "enhancing tumor", labels: [3] },
];
