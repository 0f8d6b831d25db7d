import type { ModelDescription } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../checkpoint/network/trained-model.js";
import type { NvidiaOptions } from "../checkpoint/nvidia/nvidia-options.js";
import type { ConfigJson } from "./config.js";
import { nvidiaJson } from "./nvidia-config.js";
import type { TargetJson } from "./target-config.js";

export interface InitialConfigOptions {
  readonly trained: TrainedModel;
  readonly description: Pick<ModelDescription, "channelNames" | "plan">;
  /** The model's address, or its path relative to the file's folder. */
  readonly modelSource: string;
  /** Null for nnU-Net's final checkpoint. */
  readonly checkpointName: string | null;
  /** Null for all folds of the model. */
  readonly folds: readonly string[] | null;
  /** The keys for the platform that the image will run on; empty for any. */
  readonly target: TargetJson;
  /** For a model of NVIDIA's nnU-Net; null for other models. */
  readonly nvidia: NvidiaOptions | null;
}

/** Extensions that an image accepts in addition to the training set's. */
const usualExtensions = ["mha", "nii.gz"];

/** Extensions of photographs and microscope images, whose axes and spacing differ in meaning from a scanner's. */
const pictureExtensions = ["png", "bmp", "tif", "tiff"];

/** Returns a config.json with which an image segments like nnU-Net with its defaults. */
export function initialConfig(options: InitialConfigOptions): ConfigJson {
  const { trained, description, modelSource, checkpointName, folds, target, nvidia } = options;
  const own = description.plan.fileEnding.replace(/^\./, "");
  const isBundle = trained.monai !== undefined;
  const isPicture = pictureExtensions.includes(own);
  const channels = inputChannels(description.channelNames, isPicture);
  return {
    ...(trained.task.id === null ? {} : { task_id: trained.task.id }),
    task_name: trained.task.name,
    model: modelSource,
    ...(nvidia === null && !isBundle ? { configuration: trained.configuration } : {}),
    ...(checkpointName === null ? {} : { checkpoint_name: checkpointName }),
    folds: folds?.map((fold) => (fold === "all" ? "all" : Number(fold))) ?? null,
    // NVIDIA's program mirrors only with --tta, and its windows have the overlap of their own key.
    use_test_time_augmentations: nvidia === null,
    ...(nvidia === null ? {} : { nvidia: nvidiaJson(nvidia) }),
    // The windows of a bundle have the overlap that its own configuration says.
    ...(nvidia === null && !isBundle ? { step_size: 0.5 } : {}),
    overlay_destination: "images",
    allowed_extensions: isPicture ? [own] : [...new Set([own, ...usualExtensions])],
    output_extension: isPicture ? own : outputExtension(own),
    ...(channels === null ? {} : { input_channels: channels }),
    write_json: false,
    ...target,
  };
}

/** Returns the training set's extension for writing: `mha` for MetaImage, and `nii.gz` for formats that cannot be written. */
function outputExtension(own: string): string {
  if (own === "mhd") return "mha";
  return ["mha", "nii.gz", "nii", "nrrd"].includes(own) ? own : "nii.gz";
}

/** Returns null if no file name endings are needed or possible: for one channel, channels with equal names, and the colours of a picture. */
function inputChannels(
  names: readonly string[],
  isPicture: boolean,
): Readonly<Record<string, string>> | null {
  if (names.length < 2 || isPicture || new Set(names).size < names.length) return null;
  return Object.fromEntries(names.map((name, i) => [name, `_${String(i).padStart(4, "0")}`]));
}
