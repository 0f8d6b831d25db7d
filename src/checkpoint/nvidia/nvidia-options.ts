/** What the author of config.json says about a model of NVIDIA's nnU-Net under `nvidia`. Null means the model's own value. */
export interface NvidiaOptions {
  /** Path of the config.pkl of NVIDIA's preprocessing; null for the one next to the checkpoint. */
  readonly config: string | null;
  readonly modality: "CT" | "MRI" | null;
  readonly ct: CtStatistics | null;
  /** `01` to `10`, a row of NVIDIA's table. */
  readonly task: string | null;
  /** True if the preprocessing added a channel that marks the foreground (`--ohe`). */
  readonly ohe: boolean | null;
  readonly brats: "2021" | "2022" | false | null;
  readonly overlap: number | null;
  readonly blend: Blend | null;
  /** The mirrorings of test-time augmentation: NVIDIA's, all of them, or none. */
  readonly tta: "nvidia" | "full" | false | null;
  /** The files of each case. */
  readonly outputs: readonly NvidiaOutput[] | null;
}

export interface CtStatistics {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly std: number;
}

/** `gaussian-1.0` has the weights of MONAI until 1.0, which NVIDIA's containers contain; `gaussian` those of later ones. */
export type Blend = "gaussian" | "gaussian-1.0" | "constant";

export type NvidiaOutput = "nii" | "npy" | "npz";

export const noNvidiaOptions: NvidiaOptions = {
  config: null,
  modality: null,
  ct: null,
  task: null,
  ohe: null,
  brats: null,
  overlap: null,
  blend: null,
  tta: null,
  outputs: null,
};
