import type { ImageSettings } from "../../processor/contract/run-settings.js";
import { settingsOfConfig } from "../../processor/contract/setting-choices.js";
import type { SettingsJson } from "../../processor/contract/setting-types.js";
import type { ImagePart } from "../base-image/image-parts.js";
import type { CudaMajor } from "../base-image/variants.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import { completeNvidia, type NvidiaJson } from "./nvidia-config.js";
import { completeTarget, type TargetConfig, type TargetJson } from "./target-config.js";

/** config.json as its author wrote it, checked against the schema. */
export interface ConfigJson extends TargetJson, SettingsJson {
  readonly task_id?: number;
  readonly task_name?: string;
  readonly model?: string;
  readonly totalseg_task?: string;
  readonly configuration?: string;
  readonly checkpoint_name?: string;
  readonly folds?: readonly (number | "all")[] | null;
  readonly onnx?: string | readonly string[];
  readonly ensemble?: readonly (string | EnsembleMemberJson)[];
  readonly previous_stage?: string;
  readonly postprocessing?: boolean | string;
  readonly cuda?: CudaMajor;
  readonly gpu_arch?: string | readonly string[];
  readonly leave_out?: readonly ImagePart[];
  readonly num_threads_preprocessing?: number;
  readonly num_threads_nifti_save?: number;
  readonly model_license?: string;
  readonly nvidia?: NvidiaJson;
}

/** One member of an ensemble. An absent key has the config's value. */
export interface EnsembleMemberJson {
  readonly model?: string;
  readonly configuration?: string;
  readonly checkpoint_name?: string;
  readonly folds?: readonly (number | "all")[];
}

/** A complete configuration, with all defaults filled in. */
export interface ProcessorConfig {
  /** The task that the model must belong to; null to accept the model folder's. */
  readonly taskId: number | null;
  readonly taskName: string | null;
  readonly configuration: string | null;
  /** A value for `--model-dir`; null if config.json names no model. */
  readonly modelSource: string | null;
  /** One of TotalSegmentator's tasks, such as `total_fast`; null for other models. */
  readonly totalsegTask: string | null;
  /** Null for nnU-Net's final checkpoint. */
  readonly checkpointName: string | null;
  /** Empty for all folds of the model. */
  readonly folds: readonly string[];
  /** ONNX files instead of checkpoints, one for each fold; null for none. */
  readonly onnxFiles: readonly string[] | null;
  /** The models whose predictions are averaged; empty for the single model that the other keys describe. */
  readonly ensemble: readonly EnsembleMember[];
  /** The source of a cascade's earlier stage, as written; null if it is next to the second one. */
  readonly previousStage: string | null;
  /** `auto`, `off` or a file name, as written. */
  readonly postProcessing: string;
  /** The model's licence; null if the config does not name it. */
  readonly modelLicence: { readonly name: string; readonly url: null } | null;
  /** What the config says about a model of NVIDIA's nnU-Net; null for nothing. */
  readonly nvidia: NvidiaOptions | null;
  readonly target: TargetConfig;
  readonly settings: ImageSettings;
  /** The CUDA version of an image for GPUs; null for the newest. */
  readonly cuda: CudaMajor | null;
  /** The compute capabilities of the GPUs that the image is for; null if the config does not name them. */
  readonly gpuArchitectures: readonly string[] | null;
  /** Parts that an image for CPUs does without. */
  readonly leftOut: readonly ImagePart[];
}

export interface EnsembleMember {
  /** The source as written; null for the config's model. */
  readonly model: string | null;
  readonly configuration: string | null;
  readonly checkpointName: string | null;
  readonly folds: readonly string[] | null;
}

/** Fills in the defaults of a checked config.json. No other code decides a default. */
export function completeConfig(json: ConfigJson): ProcessorConfig {
  return {
    taskId: json.task_id ?? null,
    taskName: json.task_name ?? null,
    configuration: json.configuration ?? (namesConfiguration(json) ? json.model! : null),
    modelSource: namesConfiguration(json) ? null : (json.model ?? null),
    totalsegTask: json.totalseg_task ?? null,
    checkpointName: json.checkpoint_name ?? null,
    folds: (json.folds ?? []).map(String),
    onnxFiles: json.onnx === undefined ? null : [json.onnx].flat(),
    ensemble: (json.ensemble ?? []).map(ensembleMember),
    previousStage: json.previous_stage ?? null,
    postProcessing:
      typeof json.postprocessing === "string"
        ? json.postprocessing
        : (json.postprocessing ?? true)
          ? "auto"
          : "off",
    cuda: json.cuda ?? null,
    gpuArchitectures: json.gpu_arch === undefined ? null : [json.gpu_arch].flat(),
    leftOut: json.leave_out ?? [],
    modelLicence: json.model_license === undefined ? null : { name: json.model_license, url: null },
    nvidia: json.nvidia === undefined ? null : completeNvidia(json.nvidia),
    target: completeTarget(json),
    settings: settingsOfConfig(json),
  };
}

/** nnU-Net's own configurations. */
export const configurationNames: readonly string[] = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];

/** Returns whether `model` names a configuration, as in older files, instead of a model's folder or source. */
export const namesConfiguration = ({ model }: ConfigJson): boolean =>
  model !== undefined && configurationNames.includes(model);

/** Completes one member of an ensemble. */
export function ensembleMember(json: string | EnsembleMemberJson): EnsembleMember {
  const member = typeof json === "string" ? { configuration: json } : json;
  return {
    model: member.model ?? null,
    configuration: member.configuration ?? null,
    checkpointName: member.checkpoint_name ?? null,
    folds: member.folds?.map(String) ?? null,
  };
}
