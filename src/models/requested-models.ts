import type { RunSettings } from "../../processor/contract/run-settings.js";
import type { ModelSet } from "./model-set.js";
import { membersOf, type NamedModels, postProcessingChoice, trainedModels } from "./obtain-models.js";
import { isTaskAddress, needsOf, noTaskOptions, taskModels } from "./totalsegmentator-models.js";
import type { WorkContext } from "./work-context.js";

/** Trained models, named without a config.json. */
export interface ModelRequest extends NamedModels {
  /** ONNX files of one network, one for each fold; null for the folds' checkpoints. */
  readonly onnxFiles: readonly string[] | null;
  /** The model of a cascade's earlier stage; null for the one next to the second stage. */
  readonly previousStage: string | null;
  /** `auto`, `off` or a file. */
  readonly postProcessing: string;
  /** The options of a run with one of TotalSegmentator's tasks; absent to plan for an image. */
  readonly taskOptions?: Pick<RunSettings, "roiSubset" | "robustCrop" | "bodySeg">;
}

/**
 * Finds the models of a request. A cascade's earlier stage may be missing: its segmentations are then given at run time.
 *
 * @throws what `trainedModels` throws
 */
export function requestedModels(request: ModelRequest, work: WorkContext): Promise<ModelSet> {
  const { modelDirs, taskOptions } = request;
  if (modelDirs.some(isTaskAddress)) {
    const needs = taskOptions === undefined ? needsOf(noTaskOptions, "image") : needsOf(taskOptions, "run");
    return taskModels(modelDirs, { needs, others: request }, work);
  }
  return trainedModels(
    {
      members: membersOf(request),
      onnxFiles: request.onnxFiles,
      previousStage: request.previousStage,
      needsPreviousStage: false,
      postProcessing: postProcessingChoice(request.postProcessing, work.currentDirectory),
    },
    work,
  );
}
