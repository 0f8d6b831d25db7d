import {
  type Checked,
  type JsonCheck,
  listOf,
  oneOf,
  orNull,
  orOlder,
  wholeNumberIn,
} from "../contract/json-check.js";
import { colorOfLabel } from "./colors.js";
import {
  codeString,
  eitherForm,
  integerText,
  longText,
  metadataRecord,
  paragraph,
  shortText,
  uid,
} from "./metadata-checks.js";
import type { Code, MetadataDefaults, ObjectMetadata, Rgb, SegmentMetadata } from "./segment-metadata.js";

const code = metadataRecord({
  CodeValue: longText,
  CodingSchemeDesignator: shortText,
  CodeMeaning: longText,
});

const optional = <T>(check: JsonCheck<T>) => orOlder(orNull(check), null);

/** RGB values, also those of old templates that are in a text. */
const color: JsonCheck<Rgb> = {
  read(value, place) {
    const [r, g, b] = listOf(wholeNumberIn(0, 255), 3).read(value, place) as [number, number, number];
    return [r, g, b];
  },
  schema: () => ({ type: "array", items: { type: "integer" }, minItems: 3, maxItems: 3 }),
};

const segment = metadataRecord({
  labelID: integerText,
  SegmentLabel: optional(longText),
  SegmentDescription: optional(paragraph),
  SegmentAlgorithmType: optional(oneOf(["AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"])),
  SegmentAlgorithmName: optional(longText),
  SegmentedPropertyCategoryCodeSequence: code,
  SegmentedPropertyTypeCodeSequence: code,
  SegmentedPropertyTypeModifierCodeSequence: optional(code),
  AnatomicRegionSequence: optional(code),
  AnatomicRegionModifierSequence: optional(code),
  recommendedDisplayRGBValue: optional(color),
  recommendedDisplayCIELabValue: optional(listOf(integerText, 3)),
  TrackingIdentifier: optional(longText),
  TrackingUniqueIdentifier: optional(uid),
});

const isNested = (value: unknown): boolean =>
  Array.isArray(value) && (value.length === 0 || Array.isArray(value[0]));

/** A template as dcmqi's `itkimage2segimage` takes it, and as its web page makes it. */
export const segmentationTemplate = metadataRecord({
  ContentCreatorName: optional(longText),
  ClinicalTrialSeriesID: optional(longText),
  ClinicalTrialTimePointID: optional(longText),
  ClinicalTrialCoordinatingCenterName: optional(longText),
  SeriesDescription: optional(longText),
  SeriesNumber: optional(integerText),
  InstanceNumber: optional(integerText),
  BodyPartExamined: optional(longText),
  ContentLabel: optional(longText),
  ContentDescription: optional(longText),
  Manufacturer: optional(longText),
  segmentAttributes: eitherForm(isNested, listOf(listOf(segment), 1), listOf(segment, 1)),
});

export type SegmentationTemplate = Checked<typeof segmentationTemplate>;

/** Completes a dcmqi template. */
export function metadataOfTemplate(
  template: SegmentationTemplate,
  defaults: MetadataDefaults,
): ObjectMetadata {
  const { ClinicalTrialSeriesID, ClinicalTrialTimePointID } = template;
  return {
    seriesNumber: template.SeriesNumber ?? 300,
    instanceNumber: template.InstanceNumber ?? 1,
    seriesDescription: template.SeriesDescription ?? "Segmentation",
    contentLabel: codeString(template.ContentLabel || "SEGMENTATION") || "SEGMENTATION",
    contentDescription: template.ContentDescription ?? "Image segmentation",
    contentCreatorName: template.ContentCreatorName ?? "",
    bodyPartExamined: codeString(template.BodyPartExamined ?? ""),
    clinicalTrial:
      ClinicalTrialSeriesID === null && ClinicalTrialTimePointID === null
        ? null
        : {
            seriesId: ClinicalTrialSeriesID ?? "",
            timePointId: ClinicalTrialTimePointID ?? "",
            coordinatingCenterName: template.ClinicalTrialCoordinatingCenterName ?? "",
          },
    equipment: {
      ...defaults.equipment,
      manufacturer: template.Manufacturer || defaults.equipment.manufacturer,
    },
    segments: template.segmentAttributes.flat().map((entry) => segmentOf(entry, defaults)),
  };
}

function segmentOf(entry: Checked<typeof segment>, defaults: MetadataDefaults): SegmentMetadata {
  const type = codeOf(entry.SegmentedPropertyTypeCodeSequence);
  const name = entry.SegmentLabel || entry.SegmentDescription?.slice(0, 64) || type.meaning;
  const id = entry.TrackingIdentifier;
  return {
    label: entry.labelID,
    name,
    description: entry.SegmentDescription ?? name,
    algorithm: {
      type: entry.SegmentAlgorithmType ?? "AUTOMATIC",
      name: entry.SegmentAlgorithmName || defaults.algorithmName,
      version: defaults.equipment.softwareVersions,
    },
    category: codeOf(entry.SegmentedPropertyCategoryCodeSequence),
    type,
    typeModifier: codeOrNull(entry.SegmentedPropertyTypeModifierCodeSequence),
    anatomicRegion: codeOrNull(entry.AnatomicRegionSequence),
    anatomicRegionModifier: codeOrNull(entry.AnatomicRegionModifierSequence),
    color: entry.recommendedDisplayRGBValue ?? colorOfLabel(entry.labelID),
    cielab: entry.recommendedDisplayRGBValue === null ? entry.recommendedDisplayCIELabValue : null,
    tracking: id === null || id === "" ? null : { id, uid: entry.TrackingUniqueIdentifier },
  };
}

type CodeItem = Checked<typeof code>;

const codeOf = ({ CodeValue, CodingSchemeDesignator, CodeMeaning }: CodeItem): Code => ({
  value: CodeValue,
  scheme: CodingSchemeDesignator,
  meaning: CodeMeaning,
});

const codeOrNull = (item: CodeItem | null): Code | null => (item === null ? null : codeOf(item));
