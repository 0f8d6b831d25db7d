/** The labels of this project that an image can have. `build_processor` writes them; `inspect`, `simulate` and the SBOM read them. */
export const processorLabels = {
  /** The version of the processor in the image. */
  version: "org.nnunet-processor.version",
  /** The platform that the image was built for: `grand-challenge`, `plain`, … */
  target: "org.nnunet-processor.target",
  /** `mounted` for an image that converts a trained model when it starts; absent if the model is in the image. */
  model: "org.nnunet-processor.model",

  // The model.
  taskId: "org.nnunet-processor.task.id",
  taskName: "org.nnunet-processor.task.name",
  dataset: "org.nnunet-processor.dataset",
  nnunetVersion: "org.nnunet-processor.nnunet-version",
  configuration: "org.nnunet-processor.configuration",
  trainer: "org.nnunet-processor.trainer",
  plans: "org.nnunet-processor.plans",
  checkpoint: "org.nnunet-processor.checkpoint",
  /** The folds, separated by blanks: `0 1 2 3 4`. */
  folds: "org.nnunet-processor.folds",
  /** A JSON list of names: `["CT"]`. */
  channels: "org.nnunet-processor.channels",
  /** A JSON object: `{"background":0,"organ":1}`; a region has a list of values. */
  labels: "org.nnunet-processor.labels",

  // How the image segments.
  /** `on`, `off`, or `none` for a model that was trained without mirroring. */
  mirroring: "org.nnunet-processor.mirroring",
  /** The step between windows as a fraction of the patch: `0.5`. */
  stepSize: "org.nnunet-processor.step-size",
  /** `auto`, `float16`, `float32` or `bfloat16`. */
  precision: "org.nnunet-processor.precision",
  /** `auto`, `onnxruntime` or `openvino`. */
  inferenceEngine: "org.nnunet-processor.inference-engine",
  /** `auto`, `cpu` or `cuda`. */
  device: "org.nnunet-processor.device",
  /** `normal`, `fast` or `fastest`. */
  exportMode: "org.nnunet-processor.export-mode",
  /** `on`, or `none` if no components are removed. */
  postProcessing: "org.nnunet-processor.post-processing",

  // The base image.
  baseVariant: "org.nnunet-processor.base-variant",
  gpuCuda: "org.nnunet-processor.gpu.cuda",
  gpuCudnn: "org.nnunet-processor.gpu.cudnn",
  gpuMinimumDriver: "org.nnunet-processor.gpu.minimum-driver",
  gpuComputeCapabilities: "org.nnunet-processor.gpu.compute-capabilities",

  /** The purpose of a container that `simulate` runs. It is a label of containers, not of images. */
  sandbox: "org.nnunet-processor.sandbox",
} as const;

/** Returns the label with the exact version of a package in the base image. */
export const packageLabel = (name: string): string => `org.nnunet-processor.package.${name}`;

/** Labels that other projects define. */
export const foreignLabels = {
  /** The way in which grand-challenge asks the image to segment a case: `exec` or `invoke`. */
  apiMethod: "org.grand-challenge.api-method",
} as const;
