import type { TaskIdentity } from "../../processor/contract/manifest.js";
import type { ArchiveTree } from "../archive/archive-tree.js";
import type { FileRange } from "../archive/byte-range.js";

/** A verified folder with one trained configuration. */
export interface TrainedModel {
  readonly folder: string;
  readonly nnunetVersion: 1 | 2;
  readonly task: TaskIdentity;
  /** `Dataset504_BrainTissue`. */
  readonly datasetName: string;
  /** `3d_fullres`, `2d`, … */
  readonly configuration: string;
  /** Whether the folds' files are nnU-Net's checkpoints or ONNX files of the model's owner. */
  readonly networkFormat: "checkpoint" | "onnx";
  /** File name inside a fold, for instance `checkpoint_final.pth`. */
  readonly checkpointName: string;
  /** In nnU-Net's order: 0, 1, …, `all` last. */
  readonly folds: readonly TrainedFold[];
  /** Folds that exist but are not used. */
  readonly leftOut: readonly LeftOutFold[];
  /** Of the archive that the folder was made of; absent for a folder of the user's own. */
  readonly archived?: ArchivedFiles;
  /** The tree of that archive in the cache. */
  readonly tree?: ArchiveTree;
}

export interface LeftOutFold {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  /** `fold 1 has no checkpoint_final.pth, but checkpoint_best.pth`. */
  readonly reason: string;
}

/** Files of a folder that are not there, because their bytes are read where they lie in an archive. By absolute path. */
export type ArchivedFiles = ReadonlyMap<string, FileRange>;

export interface TrainedFold {
  /** `0` … `4`, or `all`. */
  readonly fold: string;
  readonly checkpointFile: string;
  /** Where its bytes lie when `checkpointFile` is one of the `ArchivedFiles`. */
  readonly range?: FileRange;
}

/** A folder that looks like one trained configuration, before anything in it was read. */
export interface ModelFolder {
  readonly folder: string;
  readonly nnunetVersion: 1 | 2;
  /** Names of its fold folders, sorted. */
  readonly foldNames: readonly string[];
  readonly pathNames: PathNames;
}

/** What the folders' names say (`Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__2d`); null where they say nothing. */
export interface PathNames {
  readonly datasetName: string | null;
  readonly configuration: string | null;
}
