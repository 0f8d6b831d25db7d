import type { ModelDescription } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../network/trained-model.js";
import type { ConfigJson } from "./config.js";
import type { TargetJson } from "./target-config.js";

export interface InitialConfigOptions {
  readonly trained: TrainedModel;
  readonly description: Pick<ModelDescription, "channelNames" | "plan">;
  /** The model's address, or its path from the folder of the file. */
  readonly modelSource: string;
  /** Null for nnU-Net's own choice. */
  readonly checkpointName: string | null;
  /** Null for all that the model has. */
  readonly folds: readonly string[] | null;
  /** The keys that say where the image will run; empty for anywhere. */
  readonly target: TargetJson;
}

/** Extensions that an image accepts besides the training set's own. */
const usualExtensions = ["mha", "nii.gz"];

/** Extensions of photographs and microscope images, whose axes and spacing differ in meaning from a scanner's. */
const pictureExtensions = ["png", "bmp", "tif", "tiff"];

/** The config.json with which an image gives the answer of nnU-Net's defaults. */
export function initialConfig(options: InitialConfigOptions): ConfigJson {
  const { trained, description, modelSource, checkpointName, folds, target } = options;
  const own = description.plan.fileEnding.replace(/^\./, "");
  const isPicture = pictureExtensions.includes(own);
  const channels = inputChannels(description.channelNames, isPicture);
  return {
    ...(trained.task.id === null ? {} : { task_id: trained.task.id }),
    task_name: trained.task.name,
    model: modelSource,
    configuration: trained.configuration,
    ...(checkpointName === null ? {} : { checkpoint_name: checkpointName }),
    folds: folds?.map((fold) => (fold === "all" ? "all" : Number(fold))) ?? null,
    use_test_time_augmentations: true,
    step_size: 0.5,
    overlay_destination: "images",
    allowed_extensions: isPicture ? [own] : [...new Set([own, ...usualExtensions])],
    output_extension: isPicture ? own : outputExtension(own),
    ...(channels === null ? {} : { input_channels: channels }),
    write_json: false,
    ...target,
  };
}

/** The training set's own extension, as `predict` writes it: one file for MetaImage, and `.nii.gz` if it cannot be written. */
function outputExtension(own: string): string {
  if (own === "mhd") return "mha";
  return ["mha", "nii.gz", "nii", "nrrd"].includes(own) ? own : "nii.gz";
}

/** Null if no file names are needed or possible: for one channel, channels with equal names, and the colours of a picture. */
function inputChannels(
  names: readonly string[],
  isPicture: boolean,
): Readonly<Record<string, string>> | null {
  if (names.length < 2 || isPicture || new Set(names).size < names.length) return null;
  return Object.fromEntries(names.map((name, i) => [name, `_${String(i).padStart(4, "0")}`]));
}
