import type { Zyx } from "./axes.js";

/**
 * The contents of `manifest.json`, the interface between the two programs: `build_processor` writes it next to the ONNX
 * files, and the processor reads it.
 */
export interface ProcessorManifest {
  readonly manifestVersion: 1;
  readonly task: TaskIdentity;
  readonly settings: RuntimeSettings;
  /** The models whose outputs are averaged. The earlier stage of a cascade is part of its model. */
  readonly models: readonly ModelManifest[];
  /** The steps that are applied to the final segmentation, one after the other. */
  readonly postProcessing: readonly PostProcessingStep[];
}

/** Removes all connected components but the largest, where the given labels count as one foreground. */
export interface PostProcessingStep {
  readonly labels: readonly number[];
  /** v1 joins voxels by their faces (6), v2 by faces, edges and corners (26). */
  readonly connectivity: 6 | 26;
  /**
   * v1's `min_valid_object_sizes`: only components below it are removed. If null, all components but the largest are
   * removed.
   */
  readonly minimumMm3: number | null;
}

export interface TaskIdentity {
  /** The number in `Dataset504_…` or `Task004_…`; null if the name has no number. */
  readonly id: number | null;
  /** The name without the number, such as `BrainTissue`. */
  readonly name: string;
}

/** The settings by which networks run over every case of a run, and their outputs are resampled to the image's grid. */
export interface RunSettings {
  readonly useTestTimeAugmentation: boolean;
  /**
   * The step between neighbouring windows as a fraction of the patch, in (0, 1]. For 0.5 they overlap by half a patch,
   * for 1 not at all.
   */
  readonly stepSize: number;
  readonly device: Device;
  readonly precision: Precision;
  readonly exportMode: ExportMode;
}

/** The defaults of a run, from config.json. The command line can override each of them. */
export interface RuntimeSettings extends RunSettings {
  readonly inputDir: string;
  readonly outputDir: string;
  /** The folder of the segmentations, below `outputDir`. */
  readonly overlayDestination: string;
  /** The extensions of images to segment, without the leading dot: `mha`, `nii.gz`. */
  readonly allowedExtensions: readonly string[];
  /** The extension, without the leading dot, of the segmentations that an image writes. It decides their format. */
  readonly outputExtension: string;
  readonly writeJson: boolean;
  readonly overwriteOutput: boolean;
  readonly saveProbabilities: boolean;
  /**
   * The ends of file names by channel, without wildcards, e.g. `{"T1": "_t1", "FLAIR": "_flair"}`; null for `_0000`,
   * `_0001`.
   */
  readonly inputChannels: Readonly<Record<string, string>> | null;
  readonly numThreadsPreprocessing: number;
  readonly numThreadsNiftiSave: number;
  /** The file next to the manifest with a user's own hooks; null if there is none. */
  readonly hookModule: string | null;
}

export type Device = "cpu" | "cuda" | "auto";

/** The precision in which a network computes. `auto` uses float16 on a GPU, as nnU-Net does, and float32 on the CPU. */
export type Precision = "auto" | "float16" | "float32";

/**
 * v1's `--mode`: `normal` resamples probabilities to the image's grid; `fast` takes the largest class on the network's
 * grid and resamples the labels linearly; `fastest` takes the nearest label instead.
 */
export type ExportMode = "normal" | "fast" | "fastest";

/** One trained configuration, with everything that inference needs and nothing that only training needs. */
export interface ModelManifest {
  /** `3d_fullres`, `2d`, … */
  readonly configuration: string;
  readonly nnunetVersion: 1 | 2;
  readonly trainer: string;
  readonly plansName: string;
  readonly datasetName: string;
  readonly checkpointName: string;
  /** The names of the channels, in the order of the network's input. */
  readonly channelNames: readonly string[];
  readonly labels: LabelDefinition;
  readonly plan: InferencePlan;
  readonly network: NetworkFacts;
  readonly folds: readonly FoldFiles[];
  /**
   * The path, below the manifest's folder, of a graph with all folds, which computes in float16, averages folds and
   * mirrorings itself, and uses the weight files of the folds. Null for networks from other sources, and if float16
   * can't represent a weight.
   */
  readonly gpuOnnxFile: string | null;
  /** The earlier stage of a cascade, whose segmentation is this network's additional input. */
  readonly previousStage: PreviousStage | null;
}

export interface FoldFiles {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  /** The path below the manifest's folder. */
  readonly onnxFile: string;
  /** The path below the manifest's folder; null if the ONNX file contains its weights. */
  readonly weightsFile: string | null;
}

export interface NetworkFacts {
  readonly architecture: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly parameters: number;
  /**
   * The most windows that go through the network together; null for any number. An ONNX file from another source may
   * accept only one.
   */
  readonly maximumBatch: number | null;
}

export interface PreviousStage {
  readonly configuration: string;
  /** The model of that stage; null if the stage's segmentations must be given from outside. */
  readonly model: ModelManifest | null;
  /** The steps that are applied to that stage's segmentation before this stage continues it, as in v1. */
  readonly postProcessing: readonly PostProcessingStep[];
}

/** The labels of a model, as nnU-Net's LabelManager resolves them. */
export interface LabelDefinition {
  /** dataset.json's `labels`, in its order. */
  readonly names: readonly { readonly name: string; readonly value: number | readonly number[] }[];
  /** The sorted labels, without the background and the ignore label. */
  readonly foregroundLabels: readonly number[];
  /** The labels that are written for heads 0, 1, … in painting order; null for a softmax model. */
  readonly regionsClassOrder: readonly number[] | null;
  readonly ignoreLabel: number | null;
}

/**
 * The steps that turn a volume into the network's input, and the output into labels. Lists of axes are in transposed
 * order unless their names say otherwise.
 */
export interface InferencePlan {
  readonly dimensions: 2 | 3;
  /** 2 or 3 entries. */
  readonly patchSize: readonly number[];
  /** 2 or 3 entries. A 2-D configuration keeps the case's own spacing on the first axis. */
  readonly spacingMm: readonly number[];
  readonly transposeForward: Zyx;
  readonly transposeBackward: Zyx;
  /** One entry for each image channel. */
  readonly normalization: readonly ChannelNormalization[];
  /** v2 normalises before it resamples, v1 after. */
  readonly normalizeFirst: boolean;
  readonly resampleData: Resampling;
  readonly resampleSegmentation: Resampling;
  readonly resampleProbabilities: Resampling;
  /** v2 averages logits over mirrorings and folds; v1 averages probabilities. */
  readonly averaging: "logits" | "probabilities";
  /** v2 weights even a single window with the Gaussian; v1 does so only for several windows. */
  readonly gaussianForSingleWindow: boolean;
  /** The spatial axes (0 is the patch's first) that test-time mirroring flips; empty if it flips none. */
  readonly mirrorAxes: readonly number[];
  /** nnU-Net's reader class (SimpleITKIO, NibabelIO, NaturalImage2DIO, …), which decides the rules for orientation. */
  readonly imageReader: string;
  /** The ending of the training images with the leading dot, as in dataset.json. */
  readonly fileEnding: string;
}

export interface ChannelNormalization {
  readonly scheme: NormalizationScheme;
  /** True if statistics and result are computed only inside the non-zero mask. */
  readonly useMask: boolean;
  /** The statistics of the training set's foreground, which only CTNormalization needs. */
  readonly intensity: IntensityProperties | null;
}

/** `CTNormalizationV1` has no epsilon; `ZScoreNormalizationV1` adds 1e-8 to the deviation instead of taking the maximum. */
export type NormalizationScheme =
  | "CTNormalization"
  | "ZScoreNormalization"
  | "RescaleTo01Normalization"
  | "RGBTo01Normalization"
  | "NoNormalization"
  | "CTNormalizationV1"
  | "CT2NormalizationV1"
  | "ZScoreNormalizationV1";

export interface IntensityProperties {
  readonly mean: number;
  readonly std: number;
  readonly percentile005: number;
  readonly percentile995: number;
}

export interface Resampling {
  /** `spline` is nnU-Net's default (skimage/scipy rules); `torch` is resample_torch_*; `none` is no_resampling_hack. */
  readonly method: "spline" | "torch" | "none";
  /** The order of the spline, 0 to 5. */
  readonly order: number;
  /** The order of the spline along an axis that is resampled separately, 0 to 5. */
  readonly orderZ: number;
  /** True or false to force it on or off; null to separate an axis if the spacing is anisotropic. */
  readonly forceSeparateZ: boolean | null;
  /** Spacings are anisotropic if the largest is more than this times the smallest; absent for nnU-Net's 3. */
  readonly anisotropyThreshold?: number;
}
