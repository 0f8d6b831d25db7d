import type { LabelDefinition } from "../../processor/contract/manifest.js";
import {
  metadataOfLabels,
  namedLabels,
  namesWithoutCode,
} from "../../processor/dicom-objects/metadata-of-labels.js";
import { templateOfMetadata } from "../../processor/dicom-objects/template-of-metadata.js";

/** A description of a model's labels for DICOM results, for a user to complete. */
export interface InitialMetadata {
  /** A dcmqi template. */
  readonly template: Readonly<Record<string, unknown>>;
  /** The names of labels for which DICOM's list of segment types has no code. */
  readonly namesWithoutCode: readonly string[];
}

/** Describes a model's labels as far as their names do. */
export function initialMetadata(definition: LabelDefinition, algorithmName: string): InitialMetadata {
  const labels = namedLabels(definition);
  const equipment = { manufacturer: "", modelName: "", deviceSerialNumber: "", softwareVersions: "" };
  const metadata = metadataOfLabels(labels, { equipment, algorithmName: algorithmName.slice(0, 64) });
  return { template: templateOfMetadata(metadata), namesWithoutCode: namesWithoutCode(labels) };
}
