import type {
  LabelDefinition,
  NvidiaRules,
  PostProcessingStep,
  TaskIdentity,
} from "../../processor/contract/manifest.js";
import type { MonaiRules } from "../../processor/contract/monai-rules.js";
import type { Device } from "../../processor/contract/run-settings.js";
import type { OnnxModel } from "../onnx/read-onnx.js";

/**
 * The output of `build_processor inspect --json`. Within one `inspectionVersion`, keys are only added.
 * Unknown values are null, never absent. Sizes are in bytes.
 */
export type Inspection =
  | ModelsInspection
  | CheckpointInspection
  | OnnxInspection
  | ConvertedInspection
  | ImageInspection;

interface InspectionHead {
  readonly inspectionVersion: 1;
  /** The address as the user wrote it. */
  readonly source: string;
  readonly sizeBytes: number;
}

/** A model folder, a results tree or an archive of one. */
export interface ModelsInspection extends InspectionHead {
  readonly kind: "models";
  /** Sorted by path. */
  readonly models: readonly ConfigurationInspection[];
}

/** A folder that `convert` wrote. */
export interface ConvertedInspection extends InspectionHead {
  readonly kind: "converted";
  /** The models whose predictions are averaged, or those of the task; a cascade's first stage precedes its second. */
  readonly models: readonly ConfigurationInspection[];
  /** One of TotalSegmentator's tasks; null for other models. */
  readonly totalsegmentator: TaskInspection | null;
  /** Applied to the final segmentation in this order. */
  readonly postProcessingSteps: readonly PostProcessingStep[];
}

/** What the models of one of TotalSegmentator's tasks segment together. */
export interface TaskInspection {
  readonly task: string;
  readonly mode: "default" | "fast" | "fastest" | "small";
  /** Null for the image's own spacing. */
  readonly spacingMmXyz: readonly number[] | null;
  /** The classes around which the image is cropped; null for none. */
  readonly crop: readonly string[] | null;
  readonly classes: readonly string[];
}

/** An image in Docker, or a file that `--export` or `docker save` wrote. */
export interface ImageInspection extends InspectionHead {
  readonly kind: "image";
  readonly imageName: string | null;
  /** Digest of the image's configuration, `sha256:…`. */
  readonly imageId: string;
  /** The platform, such as `linux/amd64`. */
  readonly platform: string;
  readonly created: string | null;
  /** Version of the program that built it. */
  readonly processorVersion: string | null;
  readonly baseImage: string | null;
  /** Defaults of a run; null if the image contains no manifest. */
  readonly settings: ImageSettings | null;
  /** As in a converted folder. */
  readonly models: readonly ConfigurationInspection[];
  readonly totalsegmentator: TaskInspection | null;
  readonly postProcessingSteps: readonly PostProcessingStep[] | null;
  readonly problems: readonly Problem[];
}

export interface ImageSettings {
  readonly device: Device;
  readonly useTestTimeAugmentation: boolean;
  readonly stepSize: number;
  readonly inputDir: string;
  readonly outputDir: string;
  readonly hasHooks: boolean;
}

/** A file of torch.save, without the folder that it belongs to. */
export interface CheckpointInspection extends InspectionHead {
  readonly kind: "checkpoint";
  readonly format: "zip" | "legacy";
  /** Null for a checkpoint that nnU-Net did not write. */
  readonly nnunetVersion: 1 | 2 | null;
  readonly trainer: string | null;
  readonly configuration: string | null;
  readonly datasetName: string | null;
  readonly fold: string | null;
  /** Number of trained epochs. */
  readonly epoch: number | null;
  readonly mirrorAxes: readonly number[] | null;
  readonly tensors: number;
  /** Number of values in all weights. Weights with two names count once. */
  readonly parameters: number;
  readonly problems: readonly Problem[];
}

export interface OnnxInspection extends InspectionHead, Omit<OnnxModel, "file" | "externalFiles"> {
  readonly kind: "onnx";
  /** `sizeBytes` is null for a missing file. */
  readonly externalFiles: readonly {
    readonly location: string;
    readonly leastBytes: number;
    readonly sizeBytes: number | null;
  }[];
  readonly problems: readonly Problem[];
}

/** One trained configuration. */
export interface ConfigurationInspection {
  /** Path relative to the source, with forward slashes; empty for the source itself. */
  readonly path: string;
  readonly nnunetVersion: 1 | 2;
  /** The rules of a model of NVIDIA's nnU-Net; null for other models, and while something about it is missing. */
  readonly nvidia: NvidiaRules | null;
  /** The rules of a bundle of MONAI; null for other models. */
  readonly monai: MonaiRules | null;
  readonly task: TaskIdentity;
  readonly datasetName: string;
  readonly configuration: string;
  readonly trainer: string | null;
  readonly plansName: string | null;
  /** The checkpoint that a build uses; null if no fold has it. */
  readonly checkpointName: string | null;
  readonly folds: readonly FoldInspection[];
  /** Null for a network that cannot be converted. */
  readonly network: NetworkInspection | null;
  /** The graph of all folds in float16; null if there is none, and before a conversion. */
  readonly gpuNetwork: FileInspection | null;
  /**
   * Number of values in all weights of one fold's checkpoint, including those that only training needs; null
   * if no checkpoint was read.
   */
  readonly checkpointParameters: number | null;
  /** Size of the network's input, in its axis order (the last axis is the fastest). */
  readonly patchSize: readonly number[] | null;
  /** In the same axis order. */
  readonly spacingMm: readonly number[] | null;
  /** Spatial axes of the patch. */
  readonly mirrorAxes: readonly number[] | null;
  readonly channels: readonly ChannelInspection[] | null;
  readonly labels: LabelDefinition | null;
  /** nnU-Net's reader class and the file ending of the training images. */
  readonly imageReader: string | null;
  readonly fileEnding: string | null;
  /** The configuration whose segmentation is an additional input: the first stage of a cascade. */
  readonly previousStage: string | null;
  /** Paths relative to the source. */
  readonly postProcessing: readonly string[];
  readonly sizeBytes: number;
  /** Unexpected decisions of a build, such as not using a fold. */
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

export interface ChannelInspection {
  readonly name: string;
  /** nnU-Net's normalisation scheme, or the transforms of a MONAI bundle that scale intensities. */
  readonly normalization: string;
}

export interface FoldInspection {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  /** Checkpoints, or the converted network and its weights. Sorted by name. */
  readonly files: readonly FileInspection[];
}

export interface NetworkInspection {
  readonly architecture: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Number of learnt values of one fold that inference uses. */
  readonly parameters: number;
}

/** The reason why a model cannot be built, in the words of the build's error. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

export interface FileInspection {
  readonly name: string;
  readonly sizeBytes: number;
}
