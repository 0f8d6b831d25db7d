import type { Code, ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";

type Template = Readonly<Record<string, unknown>>;

/** Returns metadata as a dcmqi template, for a user to complete. */
export function templateOfMetadata(metadata: ObjectMetadata): Template {
  return {
    ContentCreatorName: metadata.contentCreatorName,
    ContentLabel: metadata.contentLabel,
    ContentDescription: metadata.contentDescription,
    SeriesDescription: metadata.seriesDescription,
    SeriesNumber: String(metadata.seriesNumber),
    InstanceNumber: String(metadata.instanceNumber),
    BodyPartExamined: metadata.bodyPartExamined,
    segmentAttributes: [metadata.segments.map(segmentAttributes)],
  };
}

const segmentAttributes = (segment: SegmentMetadata): Template => ({
  labelID: segment.label,
  SegmentLabel: segment.name,
  SegmentDescription: segment.description,
  SegmentAlgorithmType: segment.algorithm.type,
  SegmentAlgorithmName: segment.algorithm.name,
  SegmentedPropertyCategoryCodeSequence: codeOf(segment.category),
  SegmentedPropertyTypeCodeSequence: codeOf(segment.type),
  ...(segment.typeModifier !== null && {
    SegmentedPropertyTypeModifierCodeSequence: codeOf(segment.typeModifier),
  }),
  recommendedDisplayRGBValue: segment.color,
});

const codeOf = ({ value, scheme, meaning }: Code): Template => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
});
