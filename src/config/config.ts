import type { Device, ExportMode, Precision, RuntimeSettings } from "../../processor/contract/manifest.js";
import type { CudaMajor } from "../base-image/variants.js";
import { completeTarget, type TargetConfig, type TargetJson } from "./target-config.js";

/** config.json as its author wrote it, checked against the schema. */
export interface ConfigJson extends TargetJson {
  readonly task_id?: number;
  readonly task_name?: string;
  readonly model?: string;
  readonly configuration?: string;
  readonly checkpoint_name?: string;
  readonly folds?: readonly (number | "all")[] | null;
  readonly onnx?: string | readonly string[];
  readonly ensemble?: readonly (string | EnsembleMemberJson)[];
  readonly previous_stage?: string;
  readonly postprocessing?: boolean | string;
  readonly export_mode?: ExportMode;
  readonly use_test_time_augmentations?: boolean;
  readonly use_tta?: boolean;
  readonly use_overlap?: boolean;
  readonly step_size?: number;
  readonly device?: Device;
  readonly precision?: Precision;
  readonly cuda?: CudaMajor;
  readonly inputdir?: string;
  readonly outputdir?: string;
  readonly overlay_destination?: string;
  readonly allowed_extensions?: readonly string[];
  readonly output_extension?: string;
  readonly input_channels?: Readonly<Record<string, string>>;
  readonly write_json?: boolean;
  readonly overwrite_output?: boolean;
  readonly save_probabilities?: boolean;
  readonly num_threads_preprocessing?: number;
  readonly num_threads_nifti_save?: number;
  readonly model_license?: string;
}

/** One model of an ensemble; what is absent is the config's own. */
export interface EnsembleMemberJson {
  readonly model?: string;
  readonly configuration?: string;
  readonly checkpoint_name?: string;
  readonly folds?: readonly (number | "all")[];
}

/** The configuration with every default decided. */
export interface ProcessorConfig {
  /** What the model must be; undefined where the model folder decides. */
  readonly taskId: number | undefined;
  readonly taskName: string | undefined;
  readonly configuration: string | undefined;
  /** As `--model-dir` takes it; undefined where the command line says it. */
  readonly modelSource: string | undefined;
  /** Undefined for nnU-Net's own choice. */
  readonly checkpointName: string | undefined;
  /** Empty for all that the model has. */
  readonly folds: readonly string[];
  /** In the place of checkpoints, one for each fold; null for none. */
  readonly onnxFiles: readonly string[] | null;
  /** The models whose answers are averaged; empty for the one that the rest describes. */
  readonly ensemble: readonly EnsembleMember[];
  /** Source of a cascade's earlier stage, as written; null for beside the second one. */
  readonly previousStage: string | null;
  /** `auto`, `off` or a file, as written. */
  readonly postProcessing: string;
  /** Under what terms the model may be used; null when the config does not say. */
  readonly modelLicence: { readonly name: string; readonly url: null } | null;
  readonly target: TargetConfig;
  readonly settings: RuntimeSettings;
  /** Of an image for GPUs; null for the newest. */
  readonly cuda: CudaMajor | null;
}

export interface EnsembleMember {
  /** As written; undefined for the config's own. */
  readonly model: string | undefined;
  readonly configuration: string | undefined;
  readonly checkpointName: string | undefined;
  readonly folds: readonly string[] | undefined;
}

/** Completes a checked config.json: the one place where defaults are decided. */
export function completeConfig(json: ConfigJson): ProcessorConfig {
  return {
    taskId: json.task_id,
    taskName: json.task_name,
    configuration: json.configuration ?? (namesConfiguration(json) ? json.model : undefined),
    modelSource: namesConfiguration(json) ? undefined : json.model,
    checkpointName: json.checkpoint_name,
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
    modelLicence: json.model_license === undefined ? null : { name: json.model_license, url: null },
    target: completeTarget(json),
    settings: {
      useTestTimeAugmentation: json.use_test_time_augmentations ?? json.use_tta ?? false,
      stepSize: json.step_size ?? (json.use_overlap === false ? 1 : 0.5),
      device: json.device ?? "auto",
      precision: json.precision ?? "auto",
      inputDir: json.inputdir ?? "/input",
      outputDir: json.outputdir ?? "/output",
      overlayDestination: json.overlay_destination ?? "images",
      allowedExtensions: json.allowed_extensions ?? ["mha"],
      outputExtension: json.output_extension ?? "mha",
      writeJson: json.write_json ?? false,
      overwriteOutput: json.overwrite_output ?? true,
      saveProbabilities: json.save_probabilities ?? false,
      exportMode: json.export_mode ?? "normal",
      inputChannels: json.input_channels ?? null,
      numThreadsPreprocessing: json.num_threads_preprocessing ?? 1,
      numThreadsNiftiSave: json.num_threads_nifti_save ?? 1,
      hookModule: null,
    },
  };
}

/** nnU-Net's own configurations. */
export const configurationNames: readonly string[] = ["2d", "3d_fullres", "3d_lowres", "3d_cascade_fullres"];

/** Whether `model` means a configuration, as in older files, and not the place of a model. */
export const namesConfiguration = ({ model }: ConfigJson): boolean =>
  model !== undefined && configurationNames.includes(model);

/** Completes one member of an ensemble. */
export function ensembleMember(json: string | EnsembleMemberJson): EnsembleMember {
  const member = typeof json === "string" ? { configuration: json } : json;
  return {
    model: member.model,
    configuration: member.configuration,
    checkpointName: member.checkpoint_name,
    folds: member.folds?.map(String),
  };
}
