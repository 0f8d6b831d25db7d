import type { ModelSet } from "./model-set.js";
import { membersOf, type NamedModels, postProcessingChoice, trainedModels } from "./obtain-models.js";
import type { WorkContext } from "./work-context.js";

/** Trained models, named without a config.json. */
export interface ModelRequest extends NamedModels {
  /** ONNX files of one network, one for each fold; null for the folds' checkpoints. */
  readonly onnxFiles: readonly string[] | null;
  /** The model of a cascade's earlier stage; null for the one next to the second stage. */
  readonly previousStage: string | null;
  /** `auto`, `off` or a file. */
  readonly postProcessing: string;
}

/**
 * Finds the models of a request. A cascade's earlier stage may be missing: its segmentations are then given at run time.
 *
 * @throws what `trainedModels` throws
 */
export function requestedModels(request: ModelRequest, work: WorkContext): Promise<ModelSet> {
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
