/** nnU-Net's own choice among the checkpoints of a fold. */
export const defaultCheckpoint = (nnunetVersion: 1 | 2): string =>
  nnunetVersion === 1 ? "model_final_checkpoint.model" : "checkpoint_final.pth";
