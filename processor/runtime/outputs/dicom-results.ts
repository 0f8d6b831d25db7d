import { createHash } from "node:crypto";
import { answerLabels } from "../../contract/answer-labels.js";
import type { ProcessorManifest } from "../../contract/manifest.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { sharedError } from "../../contract/shared-errors.js";
import { asLongText } from "../../dicom-objects/metadata-checks.js";
import {
  metadataOfLabels,
  type NamedLabel,
  namedLabels,
  namesWithoutCode,
} from "../../dicom-objects/metadata-of-labels.js";
import { completeMetadata } from "../../dicom-objects/read-metadata.js";
import type { MetadataDefaults, ObjectMetadata } from "../../dicom-objects/segment-metadata.js";
import type { CaseOutput, CaseRequest, ClassCandidates } from "../cases/case.js";
import { resultStem } from "../cases/case-request.js";
import { programVersion } from "../model/program-version.js";
import { nameOfClasses } from "./count-labels.js";

type DicomSegmentation = Exclude<ImageSettings["dicomSegmentations"][number], "none">;

/** The DICOM results that settings do not say. */
export interface DicomExtras {
  /** True for one binary segment for each step of a class's probability, as its metadata describes them. */
  readonly fractionalAsSegments: boolean;
  /** Null for that of the segmentation. */
  readonly fractionalMetadata: GivenMetadata | null;
  /** Describes an empty segmentation; null to write no file for it. */
  readonly emptyMetadata: GivenMetadata | null;
}

export const plainDicom: DicomExtras = {
  fractionalAsSegments: false,
  fractionalMetadata: null,
  emptyMetadata: null,
};

/** Metadata as a user wrote it. */
export interface GivenMetadata {
  /** The name of its file, for messages. */
  readonly place: string;
  readonly given: unknown;
}

/** What is wished besides the settings. */
interface Wishes {
  readonly dicom: DicomExtras;
  readonly suffix: string | null;
  readonly refinement: { readonly candidates: ClassCandidates | null };
}

/** What the results of DICOM series are, for all cases of a run. */
export interface DicomResults {
  readonly segmentations: readonly DicomSegmentation[];
  readonly writesStructureSet: boolean;
  readonly holes: ImageSettings["rtHoles"];
  readonly keepsEmptyFrames: boolean;
  readonly uids: ImageSettings["dicomUids"];
  readonly metadata: ObjectMetadata;
  readonly fractionalMetadata: ObjectMetadata;
  readonly emptyMetadata: ObjectMetadata | null;
  /** True if the probabilities are those of one class in its candidates. */
  readonly showsCandidates: boolean;
  readonly fractionalAsSegments: boolean;
  readonly suffix: string | null;
  readonly modelId: string;
  /** What the user should know about the metadata. */
  readonly notes: readonly string[];
}

/**
 * Completes what the settings say about DICOM results. Without metadata, it is made from the model's labels.
 *
 * @throws CONFIG_INVALID, DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME
 */
export async function dicomResultsOf(
  manifest: ProcessorManifest,
  settings: ImageSettings,
  { dicom, suffix, refinement: { candidates } }: Wishes,
): Promise<DicomResults> {
  const version = await programVersion();
  const modelId = modelIdOf(manifest);
  const defaults = metadataDefaults(manifest, { modelId, version });
  const definition = answerLabels(manifest, settings);
  const labels =
    candidates === null
      ? namedLabels(definition)
      : [{ label: 1, name: nameOfClasses(definition, candidates.classes) }];
  const complete = (metadata: GivenMetadata | null): ObjectMetadata | null =>
    metadata === null ? null : completeMetadata(metadata.given, metadata.place, defaults);
  const { dicomMetadata } = settings;
  const metadata =
    dicomMetadata === null
      ? metadataOfLabels(labels, defaults)
      : completeMetadata(dicomMetadata, "dicom", defaults);
  return {
    segmentations: segmentationsOf(settings.dicomSegmentations),
    writesStructureSet: settings.rtStructureSet,
    holes: settings.rtHoles,
    keepsEmptyFrames: settings.dicomEmptyFrames,
    uids: settings.dicomUids,
    metadata,
    fractionalMetadata: complete(dicom.fractionalMetadata) ?? metadata,
    emptyMetadata: complete(dicom.emptyMetadata),
    showsCandidates: candidates !== null,
    fractionalAsSegments: dicom.fractionalAsSegments,
    suffix,
    modelId,
    notes: dicomMetadata === null ? notesOnNames(labels) : [],
  };
}

/** @throws CONFIG_INVALID for two that would be one file */
function segmentationsOf(wanted: ImageSettings["dicomSegmentations"]): readonly DicomSegmentation[] {
  for (const [one, other] of [
    ["binary", "labelmap"],
    ["fractional", "pseudo-fractional"],
  ] as const)
    if (wanted.includes(one) && wanted.includes(other))
      throw sharedError(
        "CONFIG_INVALID",
        `DICOM segmentations ${one} and ${other} have the same name; choose one`,
      );
  return [...new Set(wanted)].filter((kind) => kind !== "none");
}

function notesOnNames(labels: readonly NamedLabel[]): readonly string[] {
  const unknown = namesWithoutCode(labels);
  if (unknown.length === 0) return [];
  return [
    `DICOM's list of segment types has no code for ${unknown.join(", ")}; the results have private codes, unless metadata describes the segments`,
  ];
}

/** Returns what the log should say before the cases; nothing for other images than DICOM series. */
export const notesFor = (requests: readonly CaseRequest[], { notes }: DicomResults): readonly string[] =>
  requests.some(isOfDicom) ? notes : [];

const isOfDicom = ({ inputs }: CaseRequest): boolean => inputs[0]?.kind === "dicom";

/** Returns the defaults for what metadata leaves out. */
export function metadataDefaults(
  { models }: ProcessorManifest,
  { modelId, version }: { readonly modelId: string; readonly version: string },
): MetadataDefaults {
  const [first] = models;
  const configurations = models.map(({ configuration }) => configuration).join(" + ");
  const name = asLongText(`${first!.datasetName} ${configurations}`);
  return {
    equipment: {
      manufacturer: "nnunet-processor",
      modelName: name,
      deviceSerialNumber: modelId.slice(0, 16),
      softwareVersions: version,
    },
    algorithmName: name,
  };
}

/** Returns a digest of what tells the models from others. */
export const modelIdOf = ({ models, postProcessing }: ProcessorManifest): string =>
  createHash("sha256")
    .update(
      JSON.stringify([
        models.map((model) => [
          model.datasetName,
          model.configuration,
          model.trainer,
          model.plansName,
          model.checkpointName,
          model.folds.map(({ fold }) => fold),
        ]),
        postProcessing,
      ]),
    )
    .digest("hex");

/**
 * Adds the DICOM results to the outputs of a case whose images are a DICOM series: `<case>.dcm`,
 * `<case>_probabilities.dcm` and `<case>_struct.dcm` beside the segmentation. Other cases stay as they are.
 */
export function withDicomResults(request: CaseRequest, results: DicomResults): CaseRequest {
  if (!isOfDicom(request)) return request;
  const [first] = request.outputs;
  const stem = first.path.replace(/[^/\\]*$/, resultStem(request.name, results.suffix));
  const { metadata, emptyMetadata, modelId, holes, keepsEmptyFrames, uids } = results;
  const described = { metadata, emptyMetadata, modelId, holes, keepsEmptyFrames, uids };
  const segmentations = results.segmentations.map((kind) =>
    segmentationOutput(kind, { stem, results, described }),
  );
  const structureSet: readonly CaseOutput[] = results.writesStructureSet
    ? [{ kind: "rt-structure-set", path: `${stem}_struct.dcm`, ...described }]
    : [];
  return { ...request, outputs: [...request.outputs, ...segmentations, ...structureSet] };
}

interface Described {
  readonly metadata: ObjectMetadata;
  readonly emptyMetadata: ObjectMetadata | null;
  readonly modelId: string;
  readonly holes: ImageSettings["rtHoles"];
  readonly keepsEmptyFrames: boolean;
  readonly uids: ImageSettings["dicomUids"];
}

function segmentationOutput(
  kind: DicomSegmentation,
  {
    stem,
    results,
    described,
  }: { readonly stem: string; readonly results: DicomResults; readonly described: Described },
): CaseOutput {
  const { suffix, ...output } = segmentationOutputs[kind];
  const path = `${stem}${suffix}.dcm`;
  if (output.kind === "dicom-segmentation") return { ...output, path, ...described };
  const fractional = { path, ...described, metadata: results.fractionalMetadata };
  if (!results.showsCandidates) return { ...output, ...fractional };
  const form = results.fractionalAsSegments ? "steps" : output.form;
  return { kind: "dicom-candidates", form, ...fractional };
}

const segmentationOutputs = {
  binary: { suffix: "", kind: "dicom-segmentation", form: "binary" },
  labelmap: { suffix: "", kind: "dicom-segmentation", form: "label-map" },
  fractional: { suffix: "_probabilities", kind: "dicom-probabilities", form: "fractional" },
  "pseudo-fractional": { suffix: "_probabilities", kind: "dicom-probabilities", form: "bands" },
} as const satisfies Readonly<Record<DicomSegmentation, object>>;
