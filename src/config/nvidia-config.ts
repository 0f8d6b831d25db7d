import type {
  Blend,
  CtStatistics,
  NvidiaOptions,
  NvidiaOutput,
} from "../checkpoint/nvidia/nvidia-options.js";

/** The object `nvidia` of config.json, as its author wrote it. */
export interface NvidiaJson {
  readonly config?: string;
  readonly modality?: "CT" | "MRI";
  readonly ct?: CtStatistics;
  readonly task?: string;
  readonly ohe?: boolean;
  readonly brats?: "2021" | "2022" | false;
  readonly overlap?: number;
  readonly blend?: Blend;
  readonly tta?: "nvidia" | "full" | false;
  readonly outputs?: readonly NvidiaOutput[];
}

export const completeNvidia = (json: NvidiaJson): NvidiaOptions => ({
  config: json.config ?? null,
  modality: json.modality ?? null,
  ct: json.ct ?? null,
  task: json.task ?? null,
  ohe: json.ohe ?? null,
  brats: json.brats ?? null,
  overlap: json.overlap ?? null,
  blend: json.blend ?? null,
  tta: json.tta ?? null,
  outputs: json.outputs ?? null,
});

/** Returns the object `nvidia` of config.json, without the keys that are null. */
export const nvidiaJson = (options: NvidiaOptions): NvidiaJson =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null));
