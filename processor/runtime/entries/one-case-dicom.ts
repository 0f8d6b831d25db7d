import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LabelDefinition, ProcessorManifest } from "../../contract/manifest.js";
import { metadataOfLabels, type NamedLabel } from "../../dicom-objects/metadata-of-labels.js";
import { completeMetadata } from "../../dicom-objects/read-metadata.js";
import type { MetadataDefaults, ObjectMetadata } from "../../dicom-objects/segment-metadata.js";
import type { CaseOutput, ClassCandidates } from "../cases/case.js";
import type { LoadedModel } from "../model/load-model.js";
import { nameOfClass } from "../outputs/count-labels.js";

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

/** Metadata as a user wrote it. */
export interface GivenMetadata {
  /** The name of its file, for messages. */
  readonly place: string;
  readonly given: unknown;
}

/** @throws DICOM_METADATA_INVALID, DICOM_UNKNOWN_SEGMENT_NAME */
export async function dicomOutputs(
  dicom: OneCaseDicom,
  { manifest, model: { labels } }: LoadedModel,
  candidates: ClassCandidates | null,
): Promise<readonly CaseOutput[]> {
  const modelId = modelIdOf(manifest);
  const defaults = defaultsOf(manifest, modelId, await programVersion());
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
  return metadataOfLabels([{ label: 1, name: nameOfClass(labels, candidates.classIndex) }], defaults);
}

function namedLabels(labels: LabelDefinition): readonly NamedLabel[] {
  const { foregroundLabels, regionsClassOrder, names } = labels;
  if (regionsClassOrder !== null)
    return regionsClassOrder.map((label, i) => ({ label, name: nameOfClass(labels, i) }));
  return foregroundLabels.map((label) => ({
    label,
    name: names.find(({ value }) => value === label)?.name ?? `label ${label}`,
  }));
}

function defaultsOf({ models }: ProcessorManifest, modelId: string, version: string): MetadataDefaults {
  const [first] = models;
  const name = `${first!.datasetName} ${models.map(({ configuration }) => configuration).join(" + ")}`;
  return {
    equipment: {
      manufacturer: "nnunet-processor",
      modelName: name.slice(0, 64),
      deviceSerialNumber: modelId.slice(0, 16),
      softwareVersions: version,
    },
    algorithmName: name.slice(0, 64),
  };
}

/** Returns a digest of what tells the models from others. */
const modelIdOf = ({ models, postProcessing }: ProcessorManifest): string =>
  createHash("sha256")
    .update(JSON.stringify([models, postProcessing]))
    .digest("hex");

/** Reads the version from package.json, which is three folders up in an image and four folders up in a clone. */
async function programVersion(): Promise<string> {
  for (const place of ["../../../package.json", "../../../../package.json"]) {
    const text = await readFile(join(import.meta.dirname, place), "utf8").catch(() => null);
    const version = text === null ? undefined : (JSON.parse(text) as { readonly version?: string }).version;
    if (version !== undefined) return version;
  }
  return "unknown";
}
