import type { TaskIdentity } from "../../processor/contract/manifest.js";
import type { RunSettings } from "../../processor/contract/run-settings.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import type { TargetKind } from "../../processor/contract/target.js";
import type { ProcessorConfig } from "../config/config.js";
import { taskOfModels } from "../convert/task-of-models.js";
import type { ImageDescription } from "../image/processor-image-plan.js";
import type { ModelSet } from "../models/model-set.js";
import type { BuildWishes } from "./build-wishes.js";

export interface ImageTexts extends Pick<ImageDescription, "title" | "description"> {
  readonly task: TaskIdentity;
}

const anyModel = {
  task: { id: null, name: "any" },
  title: "nnU-Net for any model",
  description: "Segments with the trained nnU-Net model that is mounted at /model",
} as const;

/** Returns the title and the description of an image, and the task in its default name. */
export function imageTexts(models: ModelSet | null): ImageTexts {
  if (models === null) return anyModel;
  const { members, totalsegmentator } = models;
  const task = taskOfModels(models);
  if (totalsegmentator !== null)
    return {
      task,
      title: `TotalSegmentator ${totalsegmentator.run.task}`,
      description: `TotalSegmentator's task ${totalsegmentator.run.task} (${totalsegmentator.mode}), packed by nnunet-processor`,
    };
  const [{ model }] = members;
  const configurations = members.map((member) => member.model.configuration).join(" + ");
  return {
    task,
    title: `${model.task.name} ${configurations}`,
    description: `nnU-Net ${configurations} of ${model.datasetName}, packed by nnunet-processor`,
  };
}

/** @throws USAGE for choices of an image that contains its model */
export function refuseModelWishes(
  { models, settings, hookFile, image, outputs }: BuildWishes,
  { config, target }: { readonly config: ProcessorConfig; readonly target: TargetKind },
): void {
  const chosen = settings.applyTo(config.settings);
  const isChosen = (name: keyof RunSettings): boolean => chosen[name] !== config.settings[name];
  if (image.tag === null) throw sharedError("USAGE", "--no-model needs --tag, the name of the image");
  const given = [
    models.modelDirs !== null ? "--model-dir" : null,
    models.configurations !== null ? "--configuration" : null,
    models.checkpointName !== null ? "--checkpoint" : null,
    models.folds !== null ? "--folds" : null,
    models.onnxFiles !== null ? "--onnx" : null,
    models.previousStage !== null ? "--prev-stage-model" : null,
    models.isPretrained ? "--download-pretrained" : null,
    isChosen("useTestTimeAugmentation") ? "--use-tta" : null,
    isChosen("stepSize") ? "--step-size" : null,
    isChosen("precision") ? "--precision" : null,
    hookFile !== null ? "--process-img-file" : null,
    outputs.hasModelTarball ? "--model-tarball" : null,
  ].find((flag) => flag !== null);
  if (given !== undefined)
    throw sharedError("USAGE", `${given} is about a model, which --no-model leaves out of the image`);
  if (target !== "plain")
    throw sharedError("USAGE", `--no-model is for --target plain; ${target} runs one model`);
}
