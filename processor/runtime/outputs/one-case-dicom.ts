import type { LabelDefinition } from "../../contract/manifest.js";
import { metadataOfLabels, namedLabels } from "../../dicom-objects/metadata-of-labels.js";
import { completeMetadata } from "../../dicom-objects/read-metadata.js";
import type { MetadataDefaults, ObjectMetadata } from "../../dicom-objects/segment-metadata.js";
import type { CaseOutput, ClassCandidates } from "../cases/case.js";
import type { LoadedModel } from "../model/load-model.js";
import { programVersion } from "../model/program-version.js";
import { nameOfClasses } from "./count-labels.js";
import { type GivenMetadata, metadataDefaults, modelIdOf } from "./dicom-results.js";

/** The DICOM results of one case, which are written only if its images are DICOM series. */
export interface OneCaseDicom {
  readonly segmentationPath: string;
  /** Null for none. */
  readonly structureSetPath: string | null;
  /** The probabilities of the candidates' class; null for none. */
  readonly probabilities: {
    readonly path: string;
    readonly form: "fractional" | "steps";
    /** Null for that of the segmentation. */
    readonly metadata: GivenMetadata | null;
  } | null;
  /** Null to make it from the model's labels. */
  readonly metadata: GivenMetadata | null;
  /** Describes an empty segmentation; null to write no file for it. */
  readonly emptyMetadata: GivenMetadata | null;
}

/** @throws DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME */
export async function dicomOutputs(
  dicom: OneCaseDicom,
  { manifest, model: { labels } }: LoadedModel,
  candidates: ClassCandidates | null,
): Promise<readonly CaseOutput[]> {
  const modelId = modelIdOf(manifest);
  const defaults = metadataDefaults(manifest, { modelId, version: await programVersion() });
  const complete = (metadata: GivenMetadata | null): ObjectMetadata | null =>
    metadata === null ? null : completeMetadata(metadata.given, metadata.place, defaults);
  const metadata = complete(dicom.metadata) ?? ofLabels(labels, candidates, defaults);
  const described = { metadata, emptyMetadata: complete(dicom.emptyMetadata), modelId };
  const { segmentationPath, structureSetPath, probabilities } = dicom;
  return [
    { kind: "dicom-segmentation", form: "binary", path: segmentationPath, ...described },
    ...(structureSetPath === null
      ? []
      : [{ kind: "rt-structure-set", path: structureSetPath, ...described } as const]),
    ...(probabilities === null
      ? []
      : [
          {
            ...described,
            kind: "dicom-candidates",
            form: probabilities.form,
            path: probabilities.path,
            metadata: complete(probabilities.metadata) ?? metadata,
          } as const,
        ]),
  ];
}

function ofLabels(
  labels: LabelDefinition,
  candidates: ClassCandidates | null,
  defaults: MetadataDefaults,
): ObjectMetadata {
  if (candidates === null) return metadataOfLabels(namedLabels(labels), defaults);
  return metadataOfLabels([{ label: 1, name: nameOfClasses(labels, candidates.classes) }], defaults);
}
