import type { Zyx } from "./axes.js";
import {
  about,
  type Checked,
  either,
  flag,
  type JsonCheck,
  listOf,
  named,
  nonEmptyListOf,
  number,
  oneOf,
  orAbsent,
  orNull,
  orOlder,
  record,
  text,
  threeOf,
  version,
  wholeNumber,
  wholeNumberIn,
} from "./json-check.js";
import { monaiRules } from "./monai-rules.js";
import { imageSettings } from "./run-settings.js";
import { taskPlan } from "./totalsegmentator-plan.js";

const numbers = listOf(number);

/** Removes all but the largest connected component of some labels taken together. */
const postProcessingStep = record({
  labels: numbers,
  connectivity: about(
    "v1 joins voxels by their faces (6), v2 by faces, edges and corners (26).",
    oneOf([6, 26]),
  ),
  minimumMm3: about(
    "v1's min_valid_object_sizes: only components below it are removed. Null removes all but the largest.",
    orNull(number),
  ),
});

export type PostProcessingStep = Checked<typeof postProcessingStep>;

/** nnU-Net's LabelManager, resolved. */
const labelDefinition = record({
  names: about(
    "dataset.json's labels, in its order.",
    listOf(record({ name: text, value: either(number, numbers) })),
  ),
  foregroundLabels: about("Sorted, without background and without the ignore label.", numbers),
  regionsClassOrder: about(
    "Labels written for heads 0, 1, … in painting order; null for a softmax model.",
    orNull(numbers),
  ),
  ignoreLabel: orNull(number),
});

export type LabelDefinition = Checked<typeof labelDefinition>;

const splineOrder = wholeNumberIn(0, 5);

const resampling = record({
  method: about(
    "spline is nnU-Net's default (skimage/scipy rules); torch is resample_torch_*; none is no_resampling_hack.",
    oneOf(["spline", "torch", "none"]),
  ),
  order: about("The order of the spline.", splineOrder),
  orderZ: about("The order of the spline along an axis that is resampled separately.", splineOrder),
  forceSeparateZ: about("Null: separate when anisotropic.", orNull(flag)),
  anisotropyThreshold: about(
    "Spacings are anisotropic if the largest is more than this times the smallest; absent for nnU-Net's 3.",
    orAbsent(number),
  ),
});

export type Resampling = Checked<typeof resampling>;

/** NaN, which nnU-Net writes for a channel without foreground, is null in JSON. */
const statistic: JsonCheck<number> = {
  read: (value, place) => orNull(number).read(value, place) ?? Number.NaN,
  schema: (definitions) => orNull(number).schema(definitions),
};

const intensityProperties = record({
  mean: statistic,
  std: statistic,
  percentile005: statistic,
  percentile995: statistic,
});

export type IntensityProperties = Checked<typeof intensityProperties>;

const channelNormalization = record({
  scheme: about(
    "CTNormalizationV1 has no epsilon; ZScoreNormalizationV1 adds 1e-8 to the deviation instead of taking the maximum.",
    oneOf([
      "CTNormalization",
      "ZScoreNormalization",
      "RescaleTo01Normalization",
      "RGBTo01Normalization",
      "NoNormalization",
      "CTNormalizationV1",
      "CT2NormalizationV1",
      "ZScoreNormalizationV1",
    ]),
  ),
  useMask: about("Statistics and result only inside the non-zero mask.", flag),
  intensity: about(
    "From the training set's foreground; needed by the CT schemes only.",
    orNull(intensityProperties),
  ),
});

export type ChannelNormalization = Checked<typeof channelNormalization>;
export type NormalizationScheme = ChannelNormalization["scheme"];

const axis = wholeNumberIn(0, 2);
const axes: JsonCheck<Zyx> = threeOf(axis);

const nvidiaRules = record({
  overlap: about("The share of a window that it has in common with the next one.", number),
  blend: about("The weights of overlapping windows.", oneOf(["gaussian", "gaussian-1.0", "constant"])),
  hasForegroundChannel: about("True if a channel marks the voxels above 0 (ohe).", flag),
  countsZeros: about("True if zeros count in the statistics of an MRI, as in 21.02.", flag),
  brats: about(
    "The year of the BraTS challenge whose rule makes the labels; null for none.",
    orNull(oneOf([2021, 2022])),
  ),
  outputs: about("The files of each case.", listOf(oneOf(["nii", "npy", "npz"]))),
});

/** The rules of NVIDIA's nnU-Net that differ from nnU-Net's. */
export type NvidiaRules = Checked<typeof nvidiaRules>;

/** The rules by which a volume becomes the network's input, and its output a segmentation. Axis lists are in transposed order, unless their name says otherwise. */
const inferencePlan = record({
  dimensions: oneOf([2, 3]),
  patchSize: about("2 or 3 entries.", listOf(wholeNumber, 2)),
  spacingMm: about(
    "2 or 3 entries; a 2-D configuration keeps the case's own spacing on the first axis.",
    listOf(number, 2),
  ),
  transposeForward: axes,
  transposeBackward: axes,
  normalization: about("One per image channel.", listOf(channelNormalization, 1)),
  normalizeFirst: about("v2 normalises before it resamples, v1 after.", flag),
  resampleData: resampling,
  resampleSegmentation: resampling,
  resampleProbabilities: resampling,
  averaging: about(
    "v2 averages logits over mirrorings and folds, v1 probabilities.",
    oneOf(["logits", "probabilities"]),
  ),
  gaussianForSingleWindow: about("v2 weights even a single window with the Gaussian, v1 only several.", flag),
  mirrorAxes: about(
    "Spatial axes (0 is the patch's first) that test-time mirroring flips; empty for none.",
    listOf(axis),
  ),
  imageReader: about(
    "nnU-Net's reader class, which decides orientation: SimpleITKIO, NibabelIO, NaturalImage2DIO, …",
    text,
  ),
  fileEnding: about("With leading dot, as in dataset.json.", text),
  nvidia: about("Present for a model of NVIDIA's nnU-Net.", orAbsent(nvidiaRules)),
  monai: about("Present for a bundle of MONAI.", orAbsent(monaiRules)),
});

export type InferencePlan = Checked<typeof inferencePlan>;

const networkFacts = record({
  architecture: text,
  inputChannels: wholeNumber,
  outputChannels: wholeNumber,
  parameters: wholeNumber,
  maximumBatch: about(
    "The most windows that go through the network together; null for any number. An ONNX file of one's own may be made for one.",
    orOlder(orNull(wholeNumber), null),
  ),
});

export type NetworkFacts = Checked<typeof networkFacts>;

const foldFiles = record({
  fold: about("0 … 4, or all.", text),
  onnxFile: about("Below the manifest's folder.", text),
  weightsFile: about("Null when the ONNX file holds its weights itself.", orNull(text)),
  plainOnnxFile: about(
    "Below the manifest's folder: the network in the form that OpenVINO computes fastest; it may be the ONNX file itself. Null in models that were converted before there was one.",
    orOlder(orNull(text), null),
  ),
});

export type FoldFiles = Checked<typeof foldFiles>;

const ownFields = {
  configuration: about("3d_fullres, 2d, …", text),
  nnunetVersion: oneOf([1, 2]),
  trainer: text,
  plansName: text,
  datasetName: text,
  checkpointName: text,
  channelNames: about("In the order of the network's input channels.", listOf(text, 1)),
  labels: labelDefinition,
  plan: inferencePlan,
  network: networkFacts,
  folds: nonEmptyListOf(foldFiles),
  gpuOnnxFile: about(
    "Below the manifest's folder: all folds in one graph that computes in float16 and averages folds and mirrorings itself, with the folds' own weights; null for networks of one's own, and where float16 can't hold a weight.",
    orOlder(orNull(text), null),
  ),
};

/** One trained configuration: everything that inference needs and nothing that training needs. */
export interface ModelManifest extends Checked<ReturnType<typeof record<typeof ownFields>>> {
  /** The earlier stage of a cascade, whose segmentation is this network's additional input. */
  readonly previousStage: PreviousStage | null;
}

export interface PreviousStage {
  readonly configuration: string;
  /** The model of that stage; null if the stage's segmentations must be given from outside. */
  readonly model: ModelManifest | null;
  /** The steps that are applied to that stage's segmentation before this stage continues it, as in v1. */
  readonly postProcessing: readonly PostProcessingStep[];
}

const previousStage: JsonCheck<PreviousStage> = record({
  configuration: text,
  model: about(
    "Null when predictions of that stage must be given from outside.",
    orNull(named("model", () => model)),
  ),
  postProcessing: about(
    "Applied to that stage's segmentation before this one continues it, as v1 does.",
    listOf(postProcessingStep),
  ),
});

const model: JsonCheck<ModelManifest> = record({
  ...ownFields,
  previousStage: about(
    "The earlier stage of a cascade, whose segmentation is this network's additional input.",
    orOlder(orNull(previousStage), null),
  ),
});

const taskIdentity = record({
  id: about("As in Dataset504_… or Task004_…; null when the name has no number.", orNull(wholeNumber)),
  name: about("Without the number: BrainTissue.", text),
});

export type TaskIdentity = Checked<typeof taskIdentity>;

/**
 * The one place where the two programs meet: what the orchestrator writes next to the ONNX files (`manifest.json`) and
 * the processor reads.
 */
export const processorManifest = record({
  manifestVersion: version(1),
  task: taskIdentity,
  settings: about("What a run does unless its command line says otherwise, from config.json.", imageSettings),
  models: about(
    "The models whose answers are averaged, or those of the task. A cascade's earlier stage is inside its model.",
    nonEmptyListOf(named("model", () => model)),
  ),
  totalsegmentator: about(
    "How the models segment together one of TotalSegmentator's tasks; null for models whose answers are averaged.",
    orOlder(orNull(taskPlan), null),
  ),
  postProcessing: about(
    "Applied to the final segmentation, one step after the other.",
    listOf(postProcessingStep),
  ),
});

export type ProcessorManifest = Checked<typeof processorManifest>;
