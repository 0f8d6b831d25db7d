import type {
  Device,
  LabelDefinition,
  PostProcessingStep,
  TaskIdentity,
} from "../../processor/contract/manifest.js";
import type { OnnxModel } from "../onnx/read-onnx.js";

/**
 * What `build_processor inspect --json` prints. Within one `inspectionVersion` keys are only added; what could not be
 * established is null, never absent. Sizes are bytes.
 */
export type Inspection =
  | ModelsInspection
  | CheckpointInspection
  | OnnxInspection
  | ConvertedInspection
  | ImageInspection;

interface InspectionHead {
  readonly inspectionVersion: 1;
  /** As the user wrote it. */
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
  /** Whose answers are averaged; before each the earlier stage that it continues. */
  readonly models: readonly ConfigurationInspection[];
  /** Applied to the final segmentation, one after the other. */
  readonly postProcessingSteps: readonly PostProcessingStep[];
}

/** An image in Docker, or a file that `--export` or `docker save` wrote. */
export interface ImageInspection extends InspectionHead {
  readonly kind: "image";
  readonly imageName: string | null;
  /** `sha256:…` of the image's configuration. */
  readonly imageId: string;
  /** `linux/amd64`. */
  readonly platform: string;
  readonly created: string | null;
  /** Of the program that built it. */
  readonly processorVersion: string | null;
  readonly baseImage: string | null;
  /** Defaults of a run; null when the image holds no manifest. */
  readonly settings: ImageSettings | null;
  /** As in a converted folder. */
  readonly models: readonly ConfigurationInspection[];
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

/** One file of torch.save, without the folder that it belongs to. */
export interface CheckpointInspection extends InspectionHead {
  readonly kind: "checkpoint";
  readonly format: "zip" | "legacy";
  /** Null for a checkpoint that nnU-Net did not write. */
  readonly nnunetVersion: 1 | 2 | null;
  readonly trainer: string | null;
  readonly configuration: string | null;
  readonly datasetName: string | null;
  readonly fold: string | null;
  /** Epochs trained. */
  readonly epoch: number | null;
  readonly mirrorAxes: readonly number[] | null;
  readonly tensors: number;
  /** Values of all weights; those that have two names count once. */
  readonly parameters: number;
  readonly problems: readonly Problem[];
}

export interface OnnxInspection extends InspectionHead, Omit<OnnxModel, "file" | "externalFiles"> {
  readonly kind: "onnx";
  /** `sizeBytes` is null for a file that is not there. */
  readonly externalFiles: readonly {
    readonly location: string;
    readonly leastBytes: number;
    readonly sizeBytes: number | null;
  }[];
  readonly problems: readonly Problem[];
}

/** One trained configuration. */
export interface ConfigurationInspection {
  /** Below the source, with forward slashes; empty for the source itself. */
  readonly path: string;
  readonly nnunetVersion: 1 | 2;
  readonly task: TaskIdentity;
  readonly datasetName: string;
  readonly configuration: string;
  readonly trainer: string | null;
  readonly plansName: string | null;
  /** The checkpoint that a build takes; null when no fold has it. */
  readonly checkpointName: string | null;
  readonly folds: readonly FoldInspection[];
  /** Null for a network that cannot be converted. */
  readonly network: NetworkInspection | null;
  /** The graph of all folds in float16; null where there is none, and before a conversion. */
  readonly gpuNetwork: FileInspection | null;
  /** Values of all weights in one fold's checkpoint, those that only training needs too; null where none was read. */
  readonly checkpointParameters: number | null;
  /** Of the network's input, in its axis order (the last is the fastest). */
  readonly patchSize: readonly number[] | null;
  /** In the same axis order. */
  readonly spacingMm: readonly number[] | null;
  /** Spatial axes of the patch. */
  readonly mirrorAxes: readonly number[] | null;
  readonly channels: readonly ChannelInspection[] | null;
  readonly labels: LabelDefinition | null;
  /** nnU-Net's reader class and the file ending it was trained with. */
  readonly imageReader: string | null;
  readonly fileEnding: string | null;
  /** The configuration whose segmentation is a further input: a cascade's first stage. */
  readonly previousStage: string | null;
  /** Below the source. */
  readonly postProcessing: readonly string[];
  readonly sizeBytes: number;
  /** What a build does that one might not expect, such as leaving out a fold. */
  readonly warnings: readonly string[];
  readonly problems: readonly Problem[];
}

export interface ChannelInspection {
  readonly name: string;
  /** nnU-Net's normalisation scheme. */
  readonly normalization: string;
}

export interface FoldInspection {
  /** `0` … `4`, `all`. */
  readonly fold: string;
  /** Checkpoints, or the converted network and its weights. Sorted by name. */
  readonly files: readonly FileInspection[];
}

export interface NetworkInspection {
  readonly architecture: string;
  readonly inputChannels: number;
  readonly outputChannels: number;
  /** Learnt values of one fold that inference uses. */
  readonly parameters: number;
}

/** Why a model cannot be built as it is, as the build would say it. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly help: string;
}

export interface FileInspection {
  readonly name: string;
  readonly sizeBytes: number;
}
