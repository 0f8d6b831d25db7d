import type { ModelDescription, TrainingFacts } from "./model-description.js";
import { describeBundle } from "./monai/describe-bundle.js";
import { readBundleWeights } from "./monai/read-bundle-weights.js";
import type { NetworkWeights } from "./network/checkpoint.js";
import type { ModelCandidate, ModelFolder, TrainedFold, TrainedModel } from "./network/trained-model.js";
import { describeModelV1, describeTrainingV1 } from "./nnunet-v1/describe-model.js";
import { identifyModelV1 } from "./nnunet-v1/identify-model.js";
import { readWeightsV1 } from "./nnunet-v1/read-weights.js";
import { describeModelV2, describeTrainingV2 } from "./nnunet-v2/describe-model.js";
import { identifyModelV2 } from "./nnunet-v2/identify-model.js";
import { readWeightsV2 } from "./nnunet-v2/read-checkpoint.js";
import { describeNvidiaModel } from "./nvidia/describe-model.js";
import { readLightning } from "./nvidia/read-lightning.js";

/** The operations that differ between nnU-Net v1 and v2. */
interface NnUNetFormat {
  /**
   * @param findFold returns any fold that has a checkpoint; called only if the folder names do not identify
   * the model
   */
  readonly identify: (
    modelFolder: ModelFolder,
    findFold: () => Promise<TrainedFold>,
  ) => Promise<ModelCandidate>;
  readonly describe: (model: TrainedModel) => Promise<ModelDescription>;
  readonly describeTraining: (model: TrainedModel) => Promise<TrainingFacts>;
  readonly readWeights: (fold: TrainedFold) => Promise<NetworkWeights>;
}

const formats: Readonly<Record<1 | 2 | "nvidia" | "monai", NnUNetFormat>> = {
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
  nvidia: {
    identify: async () => {
      throw new Error("models of NVIDIA's nnU-Net are found by their checkpoints");
    },
    describe: describeNvidiaModel,
    describeTraining: describeNvidiaModel,
    readWeights: async (fold) => (await readLightning(fold)).weights,
  },
  monai: {
    identify: async () => {
      throw new Error("bundles of MONAI are found by their configuration");
    },
    describe: describeBundle,
    describeTraining: describeBundle,
    readWeights: readBundleWeights,
  },
};

const formatOf = ({ nnunetVersion, nvidia, monai }: FormatFacts): NnUNetFormat =>
  formats[monai !== undefined ? "monai" : nvidia === null ? nnunetVersion : "nvidia"];

/** The facts about a model that say how its files are read. */
export type FormatFacts = Pick<TrainedModel, "nnunetVersion" | "nvidia" | "monai">;

/** Reads only as much of a model folder as its task and configuration require. */
export const identifyModel: NnUNetFormat["identify"] = (modelFolder, findFold) =>
  formats[modelFolder.nnunetVersion].identify(modelFolder, findFold);

/**
 * Reads and validates the description of a trained model, without its weights.
 *
 * @throws MODEL_FILE_INVALID, CHECKPOINT_*, PLANS_UNSUPPORTED, ARCHITECTURE_UNKNOWN, TENSOR_MISMATCH.
 */
export const describeModel = (model: TrainedModel): Promise<ModelDescription> =>
  formatOf(model).describe(model);

/** Reads the description without the network, for models whose architecture is not built in. */
export const describeTraining = (model: TrainedModel): Promise<TrainingFacts> =>
  formatOf(model).describeTraining(model);

/** Reads the names, shapes and positions of the weights of one fold. */
export const readWeights = (model: FormatFacts, fold: TrainedFold): Promise<NetworkWeights> =>
  formatOf(model).readWeights(fold);
