import type { CtStatistics } from "./nvidia-options.js";

/** A data set of the Medical Segmentation Decathlon, as NVIDIA's `data_preprocessing/configs.py` describes it. */
export interface NvidiaTask {
  readonly name: string;
  /** Null for MRI. */
  readonly ct: CtStatistics | null;
}

const ct = (min: number, max: number, mean: number, std: number): CtStatistics => ({ min, max, mean, std });

export const nvidiaTasks: Readonly<Record<string, NvidiaTask>> = {
  "01": { name: "Task01_BrainTumour", ct: null },
  "02": { name: "Task02_Heart", ct: null },
  "03": { name: "Task03_Liver", ct: ct(-17, 201, 99.4, 39.36) },
  "04": { name: "Task04_Hippocampus", ct: null },
  "05": { name: "Task05_Prostate", ct: null },
  "06": { name: "Task06_Lung", ct: ct(-1024, 325, -158.58, 324.7) },
  "07": { name: "Task07_Pancreas", ct: ct(-96, 215, 77.9, 75.4) },
  "08": { name: "Task08_HepaticVessel", ct: ct(-3, 243, 104.37, 52.62) },
  "09": { name: "Task09_Spleen", ct: ct(-41, 176, 99.29, 39.47) },
  "10": { name: "Task10_Colon", ct: ct(-30, 165.82, 62.18, 32.65) },
};
