import type { ModelCandidate } from "../models/choose-model.js";
import type { NetworkWeights } from "../network/checkpoint.js";
import type { ModelFolder, TrainedFold, TrainedModel } from "../network/trained-model.js";
import type { ModelDescription, TrainingFacts } from "./model-description.js";
import { describeModelV1, describeTrainingV1 } from "./nnunet-v1/describe-model.js";
import { identifyModelV1 } from "./nnunet-v1/identify-model.js";
import { readWeightsV1 } from "./nnunet-v1/read-weights.js";
import { describeModelV2, describeTrainingV2 } from "./nnunet-v2/describe-model.js";
import { identifyModelV2 } from "./nnunet-v2/identify-model.js";
import { readWeightsV2 } from "./nnunet-v2/read-checkpoint.js";

/** What the two generations of nnU-Net do each in its own way. */
interface NnUNetFormat {
  /** @param findFold any fold with its checkpoint, asked for only when the folders' names do not tell */
  readonly identify: (
    modelFolder: ModelFolder,
    findFold: () => Promise<TrainedFold>,
  ) => Promise<ModelCandidate>;
  readonly describe: (model: TrainedModel) => Promise<ModelDescription>;
  readonly describeTraining: (model: TrainedModel) => Promise<TrainingFacts>;
  readonly readWeights: (fold: TrainedFold) => Promise<NetworkWeights>;
}

const formats: Readonly<Record<1 | 2, NnUNetFormat>> = {
  1: {
    identify: identifyModelV1,
    describe: describeModelV1,
    describeTraining: describeTrainingV1,
    readWeights: readWeightsV1,
  },
  2: {
    identify: identifyModelV2,
    describe: describeModelV2,
    describeTraining: describeTrainingV2,
    readWeights: readWeightsV2,
  },
};

/** Task and configuration of a model folder, read no further than needed. */
export const identifyModel: NnUNetFormat["identify"] = (modelFolder, findFold) =>
  formats[modelFolder.nnunetVersion].identify(modelFolder, findFold);

/**
 * Everything about a trained model but its weights, checked.
 *
 * @throws MODEL_FILE_INVALID, CHECKPOINT_*, PLANS_UNSUPPORTED, ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH.
 */
export const describeModel = (model: TrainedModel): Promise<ModelDescription> =>
  formats[model.nnunetVersion].describe(model);

/** What `describeModel` gives but the network, which may be one that only its author knows. */
export const describeTraining = (model: TrainedModel): Promise<TrainingFacts> =>
  formats[model.nnunetVersion].describeTraining(model);

/** Names, shapes and places of one fold's weights. */
export const readWeights = (version: 1 | 2, fold: TrainedFold): Promise<NetworkWeights> =>
  formats[version].readWeights(fold);
