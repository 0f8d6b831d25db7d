import { ProcessorError } from "../../../processor/errors.js";

/** What only the code of a v1 trainer says, known by the class's name. */
export interface TrainerFacts {
  readonly isCascade: boolean;
  /** Null: one head per label with softmax. Else region names and labels, each with a sigmoid. */
  readonly regions: readonly { readonly name: string; readonly labels: readonly number[] }[] | null;
  readonly doesMirror: boolean;
  /** Of LeakyReLU. */
  readonly slope: number;
}

/**
 * Trainers that change only training are all alike here.
 *
 * Errors: PLANS_UNSUPPORTED for a trainer of nnU-Net whose network has the same tensors, but computes something else.
 */
export function trainerFacts(trainer: string): TrainerFacts {
  const changed = trainer.split("_").find((part) => changesTheNetwork.has(part));
  if (changed !== undefined) {
    throw new ProcessorError(
      "PLANS_UNSUPPORTED",
      `the trainer ${trainer} changes the network (${changed}) in a way that its weights do not show`,
    );
  }
  // nnUNetTrainerV2BraTSRegions_BN is the one of this family that was trained without regions.
  const hasRegions = trainer.includes("BraTSRegions") && trainer !== "nnUNetTrainerV2BraTSRegions_BN";
  return {
    isCascade: trainer.includes("Cascade"),
    regions: hasRegions ? bratsRegions : null,
    doesMirror: !/no(?:Mirroring|DataAugmentation|DA)(?![a-z])/i.test(trainer),
    slope: trainer.includes("LReLU_slope_2en1") ? 0.2 : 0.01,
  };
}

const changesTheNetwork = new Set([
  "ReLU",
  "lReLU",
  "GeLU",
  "Mish",
  "FRN",
  "GN",
  "convReLUIN",
  "convlReLUIN",
]);

const bratsRegions = [
  { name: "whole tumor", labels: [1, 2, 3] },
  { name: "tumor core", labels: [2, 3] },
  { name: "enhancing tumor", labels: [3] },
];
