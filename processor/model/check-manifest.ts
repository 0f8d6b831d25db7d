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
} from "../json-check.js";

const numbers = listOf(number);

const postProcessing = listOf(
  record({ labels: numbers, connectivity: oneOf([6, 26]), minimumMm3: orNull(number) }),
);

const splineOrder = oneOf([0, 1, 2, 3, 4, 5]);

const resampling = record({
  method: oneOf(["spline", "torch", "none"]),
  order: splineOrder,
  orderZ: splineOrder,
  forceSeparateZ: orNull(flag),
  anisotropyThreshold: orAbsent(number),
});

/** NaN is null in JSON. */
const statistic = orNull(number);
const intensity = record({
  mean: statistic,
  std: statistic,
  percentile005: statistic,
  percentile995: statistic,
});

const axes = listOf(oneOf([0, 1, 2]), 3);

const plan = record({
  dimensions: oneOf([2, 3]),
  patchSize: listOf(wholeNumber, 2),
  spacingMm: listOf(number, 2),
  transposeForward: axes,
  transposeBackward: axes,
  normalization: listOf(record({ scheme: text, useMask: flag, intensity: orNull(intensity) }), 1),
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
  record({
    configuration: text,
    channelNames: listOf(text, 1),
    labels: record({
      names: listOf(record({ name: text, value: either(number, numbers) })),
      foregroundLabels: numbers,
      regionsClassOrder: orNull(numbers),
      ignoreLabel: orNull(number),
    }),
    plan,
    network: record({
      inputChannels: wholeNumber,
      outputChannels: wholeNumber,
      maximumBatch: orAbsent(orNull(wholeNumber)),
    }),
    folds: listOf(record({ fold: text, onnxFile: text, weightsFile: orNull(text) }), 1),
    gpuOnnxFile: orAbsent(orNull(text)),
    previousStage: orAbsent(orNull(previousStage)),
  });

const earlierStage = record({
  configuration: text,
  model: orNull((value, place) => model(value, place)),
  postProcessing,
});

const model: JsonCheck = stage(earlierStage);

const settings = record({
  useTestTimeAugmentation: flag,
  stepSize: number,
  device: text,
  inputDir: text,
  outputDir: text,
  overlayDestination: text,
  allowedExtensions: listOf(text),
  outputExtension: text,
  writeJson: flag,
  overwriteOutput: flag,
  saveProbabilities: flag,
  inputChannels: orNull(recordOf(text)),
  numThreadsPreprocessing: number,
  numThreadsNiftiSave: number,
  hookModule: orNull(text),
});

/** Returns what is wrong with a manifest of version 1, and where; null if nothing is. */
export const manifestProblem = (manifest: unknown): string | null =>
  record({ settings, models: listOf(model, 1), postProcessing })(manifest, "");
