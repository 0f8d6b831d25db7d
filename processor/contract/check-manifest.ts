import {
  either,
  flag,
  type JsonCheck,
  listOf,
  number,
  oneOf,
  orAbsent,
  orNull,
  record,
  recordOf,
  text,
  wholeNumber,
} from "./json-check.js";
import type {
  ChannelNormalization,
  FoldFiles,
  InferencePlan,
  IntensityProperties,
  LabelDefinition,
  ModelManifest,
  NetworkFacts,
  PostProcessingStep,
  PreviousStage,
  ProcessorManifest,
  Resampling,
  RuntimeSettings,
  TaskIdentity,
} from "./manifest.js";

/** A check for each field of `T`, so that no field is read without a check. */
type ChecksOf<T> = Readonly<Record<keyof T, JsonCheck>>;

const object = <T>(checks: ChecksOf<T>): JsonCheck => record(checks);

const numbers = listOf(number);

const postProcessing = listOf(
  object<PostProcessingStep>({ labels: numbers, connectivity: oneOf([6, 26]), minimumMm3: orNull(number) }),
);

const splineOrder = oneOf([0, 1, 2, 3, 4, 5]);

const resampling = object<Resampling>({
  method: oneOf(["spline", "torch", "none"]),
  order: splineOrder,
  orderZ: splineOrder,
  forceSeparateZ: orNull(flag),
  anisotropyThreshold: orAbsent(number),
});

/** A number or null, because NaN becomes null in JSON. */
const statistic = orNull(number);
const intensity = object<IntensityProperties>({
  mean: statistic,
  std: statistic,
  percentile005: statistic,
  percentile995: statistic,
});

const axes = listOf(oneOf([0, 1, 2]), 3);

const plan = object<InferencePlan>({
  dimensions: oneOf([2, 3]),
  patchSize: listOf(wholeNumber, 2),
  spacingMm: listOf(number, 2),
  transposeForward: axes,
  transposeBackward: axes,
  normalization: listOf(
    object<ChannelNormalization>({ scheme: text, useMask: flag, intensity: orNull(intensity) }),
    1,
  ),
  normalizeFirst: flag,
  resampleData: resampling,
  resampleSegmentation: resampling,
  resampleProbabilities: resampling,
  averaging: oneOf(["logits", "probabilities"]),
  gaussianForSingleWindow: flag,
  mirrorAxes: listOf(oneOf([0, 1, 2])),
  imageReader: text,
  fileEnding: text,
});

/** @param previousStage the check of the stage that a cascade continues */
const stage = (previousStage: JsonCheck): JsonCheck =>
  object<ModelManifest>({
    configuration: text,
    nnunetVersion: oneOf([1, 2]),
    trainer: text,
    plansName: text,
    datasetName: text,
    checkpointName: text,
    channelNames: listOf(text, 1),
    labels: object<LabelDefinition>({
      names: listOf(record({ name: text, value: either(number, numbers) })),
      foregroundLabels: numbers,
      regionsClassOrder: orNull(numbers),
      ignoreLabel: orNull(number),
    }),
    plan,
    network: object<NetworkFacts>({
      architecture: text,
      inputChannels: wholeNumber,
      outputChannels: wholeNumber,
      parameters: wholeNumber,
      maximumBatch: orAbsent(orNull(wholeNumber)),
    }),
    folds: listOf(object<FoldFiles>({ fold: text, onnxFile: text, weightsFile: orNull(text) }), 1),
    gpuOnnxFile: orAbsent(orNull(text)),
    previousStage: orAbsent(orNull(previousStage)),
  });

const earlierStage = object<PreviousStage>({
  configuration: text,
  model: orNull((value, place) => model(value, place)),
  postProcessing,
});

const model: JsonCheck = stage(earlierStage);

const settings = object<RuntimeSettings>({
  useTestTimeAugmentation: flag,
  stepSize: number,
  device: oneOf(["cpu", "cuda", "auto"]),
  precision: oneOf(["auto", "float16", "float32"]),
  inputDir: text,
  outputDir: text,
  overlayDestination: text,
  allowedExtensions: listOf(text),
  outputExtension: text,
  writeJson: flag,
  overwriteOutput: flag,
  saveProbabilities: flag,
  exportMode: oneOf(["normal", "fast", "fastest"]),
  inputChannels: orNull(recordOf(text)),
  numThreadsPreprocessing: number,
  numThreadsNiftiSave: number,
  hookModule: orNull(text),
});

const task = object<TaskIdentity>({ id: orNull(wholeNumber), name: text });

/** Returns the first fault of a manifest and its place; null if the manifest is valid. */
export const manifestProblem = (manifest: unknown): string | null =>
  object<ProcessorManifest>({
    manifestVersion: oneOf([1]),
    task,
    settings,
    models: listOf(model, 1),
    postProcessing,
  })(manifest, "");
