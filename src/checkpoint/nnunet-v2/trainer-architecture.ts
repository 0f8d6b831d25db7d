/**
 * Returns the architecture that a trainer of nnU-Net builds, whatever plans.json says; null for a trainer that builds the
 * one in its plans.
 *
 * Source: nnunetv2/training/nnUNetTrainer/primus/primus_trainers.py, the only trainers of nnU-Net 2.8 that do so.
 */
export function trainerArchitecture(trainer: string): string | null {
  const [, version, underscore, size] = primusTrainer.exec(trainer) ?? [];
  if (size === undefined) return null;
  return version === undefined || underscore === "_" ? "Primus" : `Primus${version}${size}`;
}

/** `nnUNet_Primus_S_Trainer`, `nnUNet_PrimusV2S_Trainer`, `_Primus_S_96_BS1`. */
const primusTrainer = /^(?:nnUNet)?_Primus(V\d)?(_?)([SBML])_/;
