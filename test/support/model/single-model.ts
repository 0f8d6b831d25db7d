import type { TrainedModel } from "../../../src/checkpoint/network/trained-model.js";
import type { ModelSet } from "../../../src/models/model-set.js";

/** Wraps one model, with the post-processing that nnU-Net determined for it. */
export const singleModel = (model: TrainedModel): ModelSet => ({
  members: [{ model, previousStage: null }],
  totalsegmentator: null,
  postProcessing: { kind: "models" },
});
