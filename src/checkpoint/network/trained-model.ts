import type { TaskIdentity } from "../../../processor/contract/manifest.js";
import type { NonEmpty } from "../../../processor/contract/non-empty.js";
import type { FileRange } from "../../../processor/files/zip/byte-range.js";
import type { ArchiveTree } from "../../ground/archive/archive-tree.js";
import type { NvidiaOptions } from "../nvidia/nvidia-options.js";

/** A validated folder with one trained configuration. */
export interface TrainedModel {
  readonly folder: string;
  readonly nnunetVersion: 1 | 2;
  readonly task: TaskIdentity;
  /** The data set, such as `Dataset504_BrainTissue`. */
  readonly datasetName: string;
  /** The configuration, such as `3d_fullres` or `2d`. */
  readonly configuration: string;
  /** Format of the folds' files: nnU-Net's checkpoints, or ONNX files that the model's owner supplied. */
  readonly networkFormat: "checkpoint" | "onnx";
  /** The rest of a model of NVIDIA's nnU-Net; null for nnU-Net's own models. */
  readonly nvidia: NvidiaFiles | null;
  /** The rest of a bundle of MONAI; absent for other models. */
  readonly monai?: MonaiFiles;
  /** File name inside a fold, such as `checkpoint_final.pth`. */
  readonly checkpointName: string;
  /** In nnU-Net's order: 0, 1, …, and `all` last. */
  readonly folds: NonEmpty<TrainedFold>;
  /** Folds that exist but are not used. */
  readonly leftOut: readonly LeftOutFold[];
  /** The archive that contains the folder; null for a folder of the user. */
  readonly tree: ArchiveTree | null;
}

/** A model of NVIDIA's nnU-Net: its files besides the checkpoints, and what its user says about it. */
export interface NvidiaFiles {
  /** Null if there is none. */
  readonly configFile: string | null;
  /** The dataset.json of the Medical Segmentation Decathlon; null if there is none. */
  readonly datasetFile: string | null;
  readonly options: NvidiaOptions;
}

/** The files of a bundle of MONAI besides its weights. */
export interface MonaiFiles {
  /** `configs/inference.json`, also as YAML. */
  readonly configFile: string;
  /** Null if there is none. */
  readonly metadataFile: string | null;
}

export interface LeftOutFold {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  /** The reason, such as `fold 1 has no checkpoint_final.pth, but checkpoint_best.pth`. */
  readonly reason: string;
}

export interface TrainedFold {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  readonly checkpointFile: string;
  /** The bytes of a `checkpointFile` that is read directly from an archive; null for a file of the folder. */
  readonly range: FileRange | null;
}

/** A folder that looks like a trained configuration. Its files have not been read. */
export interface ModelFolder {
  readonly folder: string;
  readonly nnunetVersion: 1 | 2;
  /** Names of its fold folders, sorted. */
  readonly foldNames: readonly string[];
  readonly pathNames: PathNames;
}

/**
 * The model's identity according to the folder names (`Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__2d`);
 * null if they do not follow nnU-Net's pattern.
 */
export interface PathNames {
  readonly datasetName: string | null;
  readonly configuration: string | null;
}

/** A model folder with the names by which users choose it. */
export interface ModelCandidate {
  readonly modelFolder: ModelFolder;
  readonly datasetName: string;
  readonly configuration: string;
}
