import type { Zyx } from "./axes.js";

/**
 * The one place where the two programs meet: what the orchestrator writes beside the ONNX files
 * (`manifest.json`) and the processor reads.
 */
export interface ProcessorManifest {
  readonly manifestVersion: 1;
  readonly task: TaskIdentity;
  readonly settings: RuntimeSettings;
  /** The models whose answers are averaged. A cascade's earlier stage stands inside its model. */
  readonly models: readonly ModelManifest[];
  /** Applied to the final segmentation, one step after the other. */
  readonly postProcessing: readonly PostProcessingStep[];
}

/** Removes all but the largest connected component of some labels taken together. */
export interface PostProcessingStep {
  readonly labels: readonly number[];
  /** v1 joins voxels by their faces (6), v2 by faces, edges and corners (26). */
  readonly connectivity: 6 | 26;
  /** v1's `min_valid_object_sizes`: only components below it are removed. Null removes all but the largest. */
  readonly minimumMm3: number | null;
}

export interface TaskIdentity {
  /** As in `Dataset504_…` or `Task004_…`; null when the name has no number. */
  readonly id: number | null;
  /** Without the number: `BrainTissue`. */
  readonly name: string;
}

/** How networks run over every case of a run, and how their answer is brought back to the image's grid. */
export interface RunSettings {
  readonly useTestTimeAugmentation: boolean;
  /** Overlap of neighbouring windows: 0.5 is half a patch; 1 is none. In (0, 1]. */
  readonly stepSize: number;
  readonly device: Device;
  readonly precision: Precision;
  readonly exportMode: ExportMode;
}

/** Defaults of a run, from config.json; every one can be overridden on the command line. */
export interface RuntimeSettings extends RunSettings {
  readonly inputDir: string;
  readonly outputDir: string;
  /** Below `outputDir`. */
  readonly overlayDestination: string;
  /** Without leading dot: `mha`, `nii.gz`. */
  readonly allowedExtensions: readonly string[];
  /** Without leading dot; the format of the segmentations that an image writes. */
  readonly outputExtension: string;
  readonly writeJson: boolean;
  readonly overwriteOutput: boolean;
  readonly saveProbabilities: boolean;
  /** Glob-free name endings by channel, e.g. `{"T1": "_t1", "FLAIR": "_flair"}`; null for `_0000`, `_0001`. */
  readonly inputChannels: Readonly<Record<string, string>> | null;
  readonly numThreadsPreprocessing: number;
  readonly numThreadsNiftiSave: number;
  /** File beside the manifest with a user's own hooks; null for none. */
  readonly hookModule: string | null;
}

export type Device = "cpu" | "cuda" | "auto";

/** In what a network computes: `auto` takes float16 on a GPU, where nnU-Net does so, and float32 on the CPU. */
export type Precision = "auto" | "float16" | "float32";

/**
 * v1's `--mode`: `normal` resamples probabilities to the image's grid; `fast` takes the largest on the network's grid and
 * resamples the labels linearly, `fastest` takes the nearest label.
 */
export type ExportMode = "normal" | "fast" | "fastest";

/** One trained configuration: everything that inference needs and nothing that training needs. */
export interface ModelManifest {
  /** `3d_fullres`, `2d`, … */
  readonly configuration: string;
  readonly nnunetVersion: 1 | 2;
  readonly trainer: string;
  readonly plansName: string;
  readonly datasetName: string;
  readonly checkpointName: string;
  /** In the order of the network's input channels. */
  readonly channelNames: readonly string[];
  readonly labels: LabelDefinition;
  readonly plan: InferencePlan;
  readonly network: NetworkFacts;
  readonly folds: readonly FoldFiles[];
  /**
   * Below the manifest's folder: all folds in one graph that computes in float16 and averages folds and mirrorings
   * itself, with the folds' own weights; null for networks of one's own, and where float16 can't hold a weight.
   */
  readonly gpuOnnxFile: string | null;
  /** The earlier stage of a cascade, whose segmentation is this network's additional input. */
  readonly previousStage: PreviousStage | null;
}

export interface FoldFiles {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  /** Below the manifest's folder. */
  readonly onnxFile: string;
  /** Null when the ONNX file holds its weights itself. */
  readonly weightsFile: string | null;
}

export interface NetworkFacts {
  readonly architecture: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  readonly parameters: number;
  /** Windows that go through it together at most; null for any number. An ONNX file of one's own may be made for one. */
  readonly maximumBatch: number | null;
}

export interface PreviousStage {
  readonly configuration: string;
  /** Null when predictions of that stage must be given from outside. */
  readonly model: ModelManifest | null;
  /** Applied to that stage's segmentation before this one continues it, as v1 does. */
  readonly postProcessing: readonly PostProcessingStep[];
}

/** nnU-Net's LabelManager, resolved. */
export interface LabelDefinition {
  /** dataset.json's `labels`, in its order. */
  readonly names: readonly { readonly name: string; readonly value: number | readonly number[] }[];
  /** Sorted, without background and without the ignore label. */
  readonly foregroundLabels: readonly number[];
  /** Labels written for heads 0, 1, … in painting order; null for a softmax model. */
  readonly regionsClassOrder: readonly number[] | null;
  readonly ignoreLabel: number | null;
}

/** How a volume becomes the network's input and back. Axis lists are in transposed order unless named otherwise. */
export interface InferencePlan {
  readonly dimensions: 2 | 3;
  /** 2 or 3 entries. */
  readonly patchSize: readonly number[];
  /** 2 or 3 entries; a 2-D configuration keeps the case's own spacing on the first axis. */
  readonly spacingMm: readonly number[];
  readonly transposeForward: Zyx;
  readonly transposeBackward: Zyx;
  /** One per image channel. */
  readonly normalization: readonly ChannelNormalization[];
  /** v2 normalises before it resamples, v1 after. */
  readonly normalizeFirst: boolean;
  readonly resampleData: Resampling;
  readonly resampleSegmentation: Resampling;
  readonly resampleProbabilities: Resampling;
  /** v2 averages logits over mirrorings and folds, v1 probabilities. */
  readonly averaging: "logits" | "probabilities";
  /** v2 weights even a single window with the Gaussian, v1 only several. */
  readonly gaussianForSingleWindow: boolean;
  /** Spatial axes (0 is the patch's first) that test-time mirroring flips; empty for none. */
  readonly mirrorAxes: readonly number[];
  /** nnU-Net's reader class: decides orientation rules (SimpleITKIO, NibabelIO, NaturalImage2DIO, …). */
  readonly imageReader: string;
  /** With leading dot, as in dataset.json. */
  readonly fileEnding: string;
}

export interface ChannelNormalization {
  readonly scheme: NormalizationScheme;
  /** Statistics and result only inside the non-zero mask. */
  readonly useMask: boolean;
  /** From the training set's foreground; needed by CTNormalization only. */
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
  /** null: separate when anisotropic. */
  readonly forceSeparateZ: boolean | null;
  /** Spacings are anisotropic if the largest is more than this times the smallest; absent for nnU-Net's 3. */
  readonly anisotropyThreshold?: number;
}
