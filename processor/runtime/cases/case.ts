import { basename } from "node:path";
import type { ObjectMetadata } from "../../dicom-objects/segment-metadata.js";
import type { Xyz } from "../../imaging/volume/axes.js";
import type { Extent } from "../../imaging/volume/extent.js";
import type { RuntimeErrorCode } from "../errors.js";
import type { CandidateRules, FoundCandidates } from "../postprocess/candidates.js";
import type { StepReport } from "../postprocess/remove-components.js";

/** One case to segment, which an entry passes to `runCases`. */
export interface CaseRequest {
  readonly name: string;
  /** One input for each channel in the network's order, or one input that holds all channels. */
  readonly inputs: readonly ImageInput[];
  /** The segmentation of a cascade's earlier stage, on the image's own grid; null if there is none. */
  readonly previousStage: ImageFile | null;
  /** Null to write the networks' answer as it is. */
  readonly refinement: Refinement | null;
  /** The outputs to write. Reports and hooks name the first one. */
  readonly outputs: readonly [CaseOutput, ...CaseOutput[]];
}

/** What is kept of the networks' answer before it is written, as in nnunet_serve. */
export interface Refinement {
  /** Makes a segmentation with the label 1 from the candidates of one class; null to keep every label. */
  readonly candidates: ClassCandidates | null;
  /**
   * Removes the objects of each label that are smaller than this share of its largest one, or, from 1 on, than this number
   * of voxels; null to keep all. It does not change candidates.
   */
  readonly smallestObject: number | null;
  /** Null to segment the whole image. nnU-Net's own files of probabilities cannot be written of a part. */
  readonly crop: CropRequest | null;
  /** Keeps the parts that overlap a mask; null to keep all. */
  readonly reference: {
    readonly input: MaskFile;
    /** The share of a part's voxels that must be in the mask. */
    readonly minIntersection: number;
  } | null;
  /** The labels that stay in a segmentation of the networks' labels; absent to keep all. */
  readonly keptLabels?: readonly number[];
}

/** A file with a mask: its voxels other than 0. */
export interface MaskFile extends ImageFile {
  /** The labels of the file that make the mask, with the value 1; "any" for all but 0; absent for the file as it is. */
  readonly labels?: readonly number[] | "any";
}

/** The part of an image that the networks see: a box around a mask. */
export interface CropRequest {
  readonly mask: MaskFile;
  /** Voxels around the box on each side, up to the border. */
  readonly marginXyz: Xyz;
  /** True if an empty mask means that nothing is to be found, so that the segmentation is empty; otherwise it is an error. */
  readonly mayBeEmpty?: boolean;
}

export interface ClassCandidates extends CandidateRules {
  /**
   * The output channels of the networks whose probabilities are added: labels' numbers, or regions' places in the list of
   * regions. Null for all but the background.
   */
  readonly classes: readonly number[] | null;
}

/** A named case, with its channels in the network's order. */
export interface FoundCase {
  readonly name: string;
  /** The channels. If there are more than the model has, the case fails when it is read. */
  readonly inputs: readonly ImageInput[];
  /** The ending of its files, with the leading dot, in lower case. */
  readonly ending: string;
}

/** The source of an image. */
export type ImageInput = ImageFile | DicomInput;

export interface ImageFile {
  readonly kind: "file";
  readonly path: string;
  /** The mask of one label, or one component; absent for the whole image. */
  readonly part?: { readonly label: number } | { readonly component: number };
  /** True to put the image on the grid of the first channel, as a DICOM series; false if absent. */
  readonly isAligned?: boolean;
}

/** A series of DICOM images. */
export interface DicomInput {
  readonly kind: "dicom";
  /** A folder, a file of a series, or a DICOMDIR. */
  readonly path: string;
}

export const imageFile = (path: string): ImageFile => ({ kind: "file", path });

/** Returns the name of an input for messages. The folders above a DICOM series can name a patient. */
export const placeOf = ({ kind, path }: ImageInput): string => (kind === "dicom" ? basename(path) : path);

/** One output of a case. */
export type CaseOutput =
  /** The segmentation. */
  | { readonly kind: "label-map"; readonly path: string }
  /** The probabilities of all classes, for nnU-Net's ensembling. */
  | { readonly kind: "probabilities"; readonly path: string }
  /** The probabilities of all classes as NVIDIA's nnU-Net (npy) or MedImAIR's (npz) writes them. */
  | { readonly kind: "nvidia-probabilities"; readonly path: string; readonly form: "npy" | "npz" }
  /** The probabilities of all classes as an image, one component for each. */
  | { readonly kind: "probability-map"; readonly path: string }
  /** The probabilities of one class in its candidates. */
  | { readonly kind: "candidate-map"; readonly path: string }
  /** One channel of the image, as the networks' preprocessing receives it. */
  | { readonly kind: "input-volume"; readonly path: string; readonly channel: number }
  /** The segmentation as a DICOM object that refers to the images; no file if it is empty. */
  | DicomSegmentationOutput
  /** The probabilities of every label as a fractional DICOM segmentation. */
  | DicomProbabilitiesOutput
  /** The probabilities of one class in its candidates, as a DICOM segmentation. */
  | DicomCandidatesOutput
  /** The borders of the segmentation as an RT structure set. */
  | RtStructureSetOutput;

export interface DicomSegmentationOutput extends DicomOutput {
  readonly kind: "dicom-segmentation";
  readonly form: "binary" | "label-map";
}

export interface DicomProbabilitiesOutput extends DicomOutput {
  readonly kind: "dicom-probabilities";
  /** `bands` are ten binary segments, for a model with one label. */
  readonly form: "fractional" | "bands";
}

export interface DicomCandidatesOutput extends DicomOutput {
  readonly kind: "dicom-candidates";
  /** `steps` are as many binary segments as the metadata describes, as nnunet_serve numbers them. */
  readonly form: "fractional" | "bands" | "steps";
}

export interface RtStructureSetOutput extends DicomOutput {
  readonly kind: "rt-structure-set";
}

interface DicomOutput {
  readonly path: string;
  readonly metadata: ObjectMetadata;
  /** Describes an empty segmentation, whose first voxel is set in the file; null to write no file for it. */
  readonly emptyMetadata: ObjectMetadata | null;
  /** Tells the model from others. */
  readonly modelId: string;
  /** Rings if absent. */
  readonly holes?: "rings" | "keyholes";
  /** True for a frame of each segment and slice in a binary segmentation; false if absent. */
  readonly keepsEmptyFrames?: boolean;
  /** Derived if absent. */
  readonly uids?: "derived" | "random";
}

/** The amount of one label in a segmentation. */
export type LabelCount = Extent & {
  readonly label: number;
  readonly name: string;
  readonly voxels: number;
};

/** The result of one case. */
export interface CaseReport {
  readonly name: string;
  readonly status: "done" | "skipped" | "failed";
  readonly outputFile: string;
  /**
   * The other files of the case, such as its DICOM segmentation and its probabilities; absent if there are none, or
   * if the case is not done.
   */
  readonly furtherFiles?: readonly string[];
  /** What ran the network, such as `CPUExecutionProvider` or `OpenVINO CPU`; absent unless the case is done. */
  readonly executionProvider?: string;
  /** The program that computed the network, with its version: `OpenVINO 2026.4.1`; absent unless the case is done. */
  readonly inferenceEngine?: string;
  /** The time of each phase; absent for a case that was not started. */
  readonly seconds?: Readonly<Partial<Record<"read" | "preprocess" | "predict" | "write" | "total", number>>>;
  /** The amount of each label; absent unless the case is done. */
  readonly labels?: readonly LabelCount[];
  /** The problems that did not stop the run, as in the log; absent if there were none. */
  readonly warnings?: readonly string[];
  /** The components that each step of post-processing removed; absent if there are no steps. */
  readonly removed?: readonly StepReport[];
  /** The candidates that make the segmentation; absent if it has the networks' labels. */
  readonly candidates?: FoundCandidates;
  /** The error; present only if the case failed. */
  readonly error?: {
    readonly code: RuntimeErrorCode | "BUG";
    readonly message: string;
    readonly help: string;
  };
}
