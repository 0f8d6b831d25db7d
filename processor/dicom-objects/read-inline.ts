import { type Checked, type JsonCheck, listOf, orNull, orOlder } from "../contract/json-check.js";
import { colorOfLabel } from "./colors.js";
import { dicomObjectError } from "./errors.js";
import {
  codeString,
  eitherForm,
  integerText,
  longText,
  metadataRecord,
  shortText,
  textUpTo,
} from "./metadata-checks.js";
import { categories, conceptOfName, type NamedConcept, sides, similarName } from "./name-to-code.js";
import type { Code, MetadataDefaults, ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";

const optional = <T>(check: JsonCheck<T>) => orOlder(orNull(check), null);

const namedSegment = metadataRecord({
  name: longText,
  number: optional(integerText),
  label: optional(longText),
  tracking_id: optional(longText),
  code: optional(longText),
  scheme: optional(shortText),
  category_number: optional(longText),
});

const isText = (value: unknown): boolean => typeof value === "string";

/** What nnunet_serve calls inline metadata: names, whose codes are looked up. */
export const inlineMetadata = metadataRecord({
  algorithm_name: longText,
  segment_names: listOf(eitherForm(isText, longText, namedSegment), 1),
  algorithm_version: optional(longText),
  manufacturer: optional(longText),
  manufacturer_model_name: optional(longText),
  series_description: optional(longText),
  series_number: optional(integerText),
  instance_number: optional(integerText),
  clinical_trial_series_id: optional(longText),
  clinical_trial_time_point_id: optional(longText),
  body_part_examined: optional(textUpTo(16)),
});

export type InlineMetadata = Checked<typeof inlineMetadata>;

/**
 * Completes metadata of names.
 *
 * @param source where it is from, for messages
 * @throws DICOM_UNKNOWN_SEGMENT_NAME
 */
export function metadataOfNames(
  inline: InlineMetadata,
  { equipment }: MetadataDefaults,
  source: string,
): ObjectMetadata {
  const version = inline.algorithm_version || "v1.0";
  const { clinical_trial_series_id: seriesId, clinical_trial_time_point_id: timePointId } = inline;
  return {
    seriesNumber: inline.series_number ?? 300,
    instanceNumber: inline.instance_number ?? 1,
    seriesDescription: inline.series_description ?? "Segmentation",
    contentLabel: "SEGMENTATION",
    contentDescription: "Image segmentation",
    contentCreatorName: "",
    bodyPartExamined: codeString(inline.body_part_examined ?? ""),
    clinicalTrial:
      seriesId === null && timePointId === null
        ? null
        : { seriesId: seriesId ?? "", timePointId: timePointId ?? "", coordinatingCenterName: "" },
    equipment: {
      ...equipment,
      manufacturer: inline.manufacturer || equipment.manufacturer,
      modelName: inline.manufacturer_model_name || equipment.modelName,
      softwareVersions: version,
    },
    segments: inline.segment_names.map((entry, i) =>
      segmentOf(entry, {
        number: i + 1,
        source: `${source}: segment_names[${i}]`,
        algorithm: { name: inline.algorithm_name, version },
      }),
    ),
  };
}

interface Place {
  readonly number: number;
  /** For messages. */
  readonly source: string;
  readonly algorithm: { readonly name: string; readonly version: string };
}

function segmentOf(
  entry: InlineMetadata["segment_names"][number],
  { source, algorithm, ...place }: Place,
): SegmentMetadata {
  const given = typeof entry === "string" ? null : entry;
  const name = typeof entry === "string" ? entry : entry.name;
  const number = given?.number ?? place.number;
  const label = given?.label || name;
  const { category, type, side } = given?.code
    ? codedConcept(given, given.code, source)
    : knownConcept(name, source);
  return {
    label: number,
    name: label,
    description: label,
    algorithm: { type: "AUTOMATIC", ...algorithm },
    category,
    type,
    typeModifier: side,
    anatomicRegion: null,
    anatomicRegionModifier: null,
    color: colorOfLabel(number),
    cielab: null,
    tracking: { id: given?.tracking_id || `Segment${number}_${label}`.slice(0, 64), uid: null },
  };
}

function knownConcept(name: string, source: string): NamedConcept {
  const found = conceptOfName(name);
  if (found !== null) return found;
  const similar = similarName(name);
  throw dicomObjectError(
    "DICOM_UNKNOWN_SEGMENT_NAME",
    `${source}: ${JSON.stringify(name)} is not a segment type of DICOM${similar === null ? "" : `; the nearest is ${JSON.stringify(similar)}`}`,
  );
}

type NamedSegment = Checked<typeof namedSegment>;

function codedConcept(
  { name, scheme, category_number }: NamedSegment,
  value: string,
  source: string,
): NamedConcept {
  const words = name.split(/[\s_]+/).filter((word) => word !== "");
  const isSide = (word: string): boolean => /^(?:left|right)$/i.test(word);
  const meaning = words
    .filter((word) => !isSide(word))
    .map((word) => word[0]!.toUpperCase() + word.slice(1))
    .join(" ");
  const side = words.find(isSide)?.toLowerCase();
  return {
    category: categoryOf(category_number, source),
    type: { value, scheme: scheme || "SCT", meaning: meaning || name },
    side: side === undefined ? null : side === "left" ? sides.left : sides.right,
  };
}

function categoryOf(value: string | null, source: string): Code {
  if (value === null || value === "") return categories.anatomicalStructure;
  const found = Object.values(categories).find((category) => category.value === value);
  if (found !== undefined) return found;
  throw dicomObjectError(
    "DICOM_METADATA_INVALID",
    `${source}.category_number ${JSON.stringify(value)} is not a category of segments; known are ${Object.values(
      categories,
    )
      .map((category) => `${category.value} (${category.meaning})`)
      .join(", ")}`,
  );
}
