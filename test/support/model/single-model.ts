import type { TrainedModel } from "../../../src/checkpoint/network/trained-model.js";
import type { ModelSet } from "../../../src/models/model-set.js";

/** One model, with nnU-Net's own post-processing. */
export const singleModel = (model: TrainedModel): ModelSet => ({
  members: [{ model, previousStage: null }],
  postProcessing: { kind: "models" },
});
