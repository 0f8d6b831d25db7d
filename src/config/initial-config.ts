import type { TargetKind } from "../../processor/model/target-file.js";
import type { ModelDescription } from "../checkpoint/model-description.js";
import type { TrainedModel } from "../model-source/trained-model.js";
import type { ConfigJson } from "./config.js";

export interface InitialConfigOptions {
  readonly trained: TrainedModel;
  readonly description: Pick<ModelDescription, "channelNames" | "plan">;
  /** As the file names it: a path from the file's own folder, or an address. */
  readonly modelSource: string;
  /** Null for nnU-Net's own choice. */
  readonly checkpointName: string | null;
  /** Null for all that the model has. */
  readonly folds: readonly string[] | null;
  readonly target: InitialTarget | null;
}

/** Where the image is to run, with what its platform must be told. */
export type InitialTarget =
  | { readonly kind: "grand-challenge"; readonly outputSocket: string }
  | { readonly kind: "amos22"; readonly team: string }
  | { readonly kind: Exclude<TargetKind, "grand-challenge" | "amos22"> };

/** Endings that an image usually takes beside the training set's own. */
const usualExtensions = ["mha", "nii.gz"];

/** Endings of photographs and microscopes, whose axes and spacing mean something else than a scanner's. */
const pictureExtensions = ["png", "bmp", "tif", "tiff"];

/** The config.json with which an image answers as nnU-Net does without any flag. */
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
    ...(target === null ? {} : targetKeys(target)),
  };
}

/** The training set's own, as `predict` writes it: a MetaImage in one file, and `.nii.gz` where it can't be written. */
function outputExtension(own: string): string {
  if (own === "mhd") return "mha";
  return ["mha", "nii.gz", "nii", "nrrd"].includes(own) ? own : "nii.gz";
}

/** Null where names can't tell files apart: for one channel, channels of one name, and the colours of one picture. */
function inputChannels(
  names: readonly string[],
  isPicture: boolean,
): Readonly<Record<string, string>> | null {
  if (names.length < 2 || isPicture || new Set(names).size < names.length) return null;
  return Object.fromEntries(names.map((name, i) => [name, `_${String(i).padStart(4, "0")}`]));
}

function targetKeys(target: InitialTarget): ConfigJson {
  switch (target.kind) {
    case "grand-challenge":
      return { target: target.kind, grand_challenge: { output: target.outputSocket } };
    case "amos22":
      return { target: target.kind, amos22: { team: target.team } };
    default:
      return { target: target.kind };
  }
}
