/**
 * Returns the architecture that a trainer of nnU-Net builds regardless of plans.json; null for a trainer that
 * builds the architecture in its plans.
 *
 * Source: nnunetv2/training/nnUNetTrainer/primus/primus_trainers.py, the only such trainers in nnU-Net 2.8.
 */
export function trainerArchitecture(trainer: string): string | null {
  const [, version, underscore, size] = primusTrainer.exec(trainer) ?? [];
  if (size === undefined) return null;
  return version === undefined || underscore === "_" ? "Primus" : `Primus${version}${size}`;
}

/** Matches `nnUNet_Primus_S_Trainer`, `nnUNet_PrimusV2S_Trainer`, `_Primus_S_96_BS1`. */
const primusTrainer = /^(?:nnUNet)?_Primus(V\d)?(_?)([SBML])_/;
