import type { ModelSet } from "../../src/model-source/model-set.js";
import type { TrainedModel } from "../../src/model-source/trained-model.js";

/** One model, with nnU-Net's own post-processing. */
export const singleModel = (model: TrainedModel): ModelSet => ({
  members: [{ model, previousStage: null }],
  postProcessing: { kind: "models" },
});
