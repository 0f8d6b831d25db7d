import type { LabelDefinition } from "../contract/manifest.js";
import { colorOfLabel } from "./colors.js";
import { asLongText } from "./metadata-checks.js";
import { categories, conceptOfName } from "./name-to-code.js";
import type { MetadataDefaults, ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";

export interface NamedLabel {
  readonly label: number;
  readonly name: string;
}

/**
 * Makes metadata from the names of a model's labels. A name without a code in DICOM's list gets a private code of its
 * own (PS3.16, 8.2: schemes that begin with 99), because a segment must have one.
 */
export function metadataOfLabels(labels: readonly NamedLabel[], defaults: MetadataDefaults): ObjectMetadata {
  return {
    seriesNumber: 300,
    instanceNumber: 1,
    seriesDescription: "Segmentation",
    contentLabel: "SEGMENTATION",
    contentDescription: "Image segmentation",
    contentCreatorName: "",
    bodyPartExamined: "",
    clinicalTrial: null,
    equipment: defaults.equipment,
    segments: labels.map((label) => segmentOf(label, defaults)),
  };
}

/** Returns the labels that a segmentation can have, with their names. A region's label is the one that it paints. */
export function namedLabels({
  names,
  foregroundLabels,
  regionsClassOrder,
}: LabelDefinition): readonly NamedLabel[] {
  if (regionsClassOrder === null)
    return foregroundLabels.map((label) => ({
      label,
      name: names.find(({ value }) => value === label)?.name ?? `label ${label}`,
    }));
  const regions = names.filter(({ value }) => !isBackground(value));
  return regionsClassOrder.map((label, i) => ({ label, name: regions[i]?.name ?? `label ${label}` }));
}

const isBackground = (value: number | readonly number[]): boolean =>
  Array.isArray(value) ? value.every((one) => one === 0) : value === 0;

/** Returns the names that have no code in DICOM's list. */
export const namesWithoutCode = (labels: readonly NamedLabel[]): readonly string[] =>
  labels.filter(({ name }) => conceptOfName(name) === null).map(({ name }) => name);

function segmentOf(
  { label, name: text }: NamedLabel,
  { algorithmName, equipment }: MetadataDefaults,
): SegmentMetadata {
  const name = asLongText(text) || `Label ${label}`;
  const concept = conceptOfName(text);
  return {
    label,
    name,
    description: name,
    algorithm: { type: "AUTOMATIC", name: algorithmName, version: equipment.softwareVersions },
    category: concept?.category ?? categories.anatomicalStructure,
    type: concept?.type ?? { value: `LABEL_${label}`, scheme: privateScheme, meaning: name },
    typeModifier: concept?.side ?? null,
    anatomicRegion: null,
    anatomicRegionModifier: null,
    color: colorOfLabel(label),
    cielab: null,
    tracking: { id: `Segment${label}_${name}`.slice(0, 64), uid: null },
  };
}

const privateScheme = "99NNUNETLABEL";
