/** Returns the file name of the checkpoint that nnU-Net uses by default. */
export const defaultCheckpoint = (nnunetVersion: 1 | 2): string =>
  nnunetVersion === 1 ? "model_final_checkpoint.model" : "checkpoint_final.pth";
