import type { Geometry } from "../imaging/volume/geometry.js";
import { codeItem, standardCodes } from "./coded.js";
import { cielabOf } from "./colors.js";
import { type Attributes, elements } from "./elements.js";
import type { NameUid } from "./object-context.js";
import type { ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";
import { momentOf, patientAndStudy, sourceText } from "./source-attributes.js";
import { allInstances, frameOfReferenceOf, instanceReference, studyOf } from "./source-references.js";
import type { SourceSeries } from "./source-series.js";

export type SegmentationForm = "binary" | "fractional" | "label-map";

export interface SegmentationFacts {
  readonly form: SegmentationForm;
  readonly series: SourceSeries;
  readonly metadata: ObjectMetadata;
  /** The segments that the object has, in the order of their numbers. */
  readonly segments: readonly NumberedSegment[];
  readonly frames: readonly FrameFacts[];
  readonly bitsAllocated: 1 | 8 | 16;
  readonly segmentsOverlap: boolean;
  readonly nameUid: NameUid;
}

export interface NumberedSegment {
  readonly number: number;
  readonly metadata: SegmentMetadata;
}

export interface FrameFacts {
  /** Null in a label map, whose frames have all segments. */
  readonly segmentNumber: number | null;
  readonly z: number;
}

/** Returns the attributes of a segmentation (PS3.3, A.51 and A.88) without its pixels. */
export function segmentationAttributes(facts: SegmentationFacts): Attributes {
  const { form, series, metadata, nameUid, frames } = facts;
  const { reference, geometry } = series;
  const { dataSet } = reference.firstFile;
  const moment = momentOf(dataSet);
  const [, rows, columns] = geometry.sizeZyx;
  const dimensionUid = nameUid("dimensions");
  return {
    ...patientAndStudy(dataSet),
    SpecificCharacterSet: "ISO_IR 192",
    ImageType: ["DERIVED", "PRIMARY"],
    SOPClassUID: form === "label-map" ? sopClasses.labelMap : sopClasses.segmentation,
    SOPInstanceUID: nameUid("instance"),
    SeriesDate: moment.date,
    SeriesTime: moment.time,
    ContentDate: moment.date,
    ContentTime: moment.time,
    Modality: "SEG",
    ...equipmentAttributes(metadata),
    SeriesDescription: metadata.seriesDescription,
    ReferencedSeriesSequence: [
      { ReferencedInstanceSequence: allInstances(reference), SeriesInstanceUID: reference.seriesInstanceUid },
    ],
    ...trialAttributes(metadata),
    BodyPartExamined: metadata.bodyPartExamined === "" ? null : metadata.bodyPartExamined,
    StudyInstanceUID: studyOf(reference),
    SeriesInstanceUID: nameUid("series"),
    SeriesNumber: metadata.seriesNumber,
    InstanceNumber: metadata.instanceNumber,
    FrameOfReferenceUID: frameOfReferenceOf(reference),
    DimensionOrganizationSequence: [{ DimensionOrganizationUID: dimensionUid }],
    DimensionIndexSequence: dimensionIndex(form, dimensionUid),
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    NumberOfFrames: frames.length,
    Rows: rows,
    Columns: columns,
    BitsAllocated: facts.bitsAllocated,
    BitsStored: facts.bitsAllocated,
    HighBit: facts.bitsAllocated - 1,
    PixelRepresentation: 0,
    PixelPaddingValue: form === "label-map" ? 0 : null,
    ...lossyAttributes(series),
    SegmentationType: { binary: "BINARY", fractional: "FRACTIONAL", "label-map": "LABELMAP" }[form],
    SegmentationFractionalType: form === "fractional" ? "PROBABILITY" : null,
    MaximumFractionalValue: form === "fractional" ? 255 : null,
    SegmentsOverlap: facts.segmentsOverlap ? "YES" : "NO",
    SegmentSequence: facts.segments.map((segment) => segmentItem(segment, nameUid)),
    ContentLabel: metadata.contentLabel,
    ContentDescription: metadata.contentDescription,
    ContentCreatorName: metadata.contentCreatorName,
    SharedFunctionalGroupsSequence: [sharedGroups(geometry)],
    PerFrameFunctionalGroupsSequence: frameGroups(facts),
  };
}

const sopClasses = {
  segmentation: "1.2.840.10008.5.1.4.1.1.66.4",
  labelMap: "1.2.840.10008.5.1.4.1.1.66.7",
};

export const equipmentAttributes = ({ equipment }: ObjectMetadata): Attributes => ({
  Manufacturer: equipment.manufacturer,
  ManufacturerModelName: equipment.modelName,
  DeviceSerialNumber: equipment.deviceSerialNumber,
  SoftwareVersions: equipment.softwareVersions,
});

const trialAttributes = ({ clinicalTrial }: ObjectMetadata): Attributes =>
  clinicalTrial === null
    ? {}
    : {
        ClinicalTrialCoordinatingCenterName: clinicalTrial.coordinatingCenterName,
        ClinicalTrialTimePointID: clinicalTrial.timePointId,
        ClinicalTrialSeriesID: clinicalTrial.seriesId,
      };

/** A segmentation of lossy images counts as lossy too (PS3.3, C.7.6.1.1.5). */
function lossyAttributes({ reference: { isLossy, firstFile } }: SourceSeries): Attributes {
  if (!isLossy) return { LossyImageCompression: "00" };
  const values = (
    keyword: "LossyImageCompressionRatio" | "LossyImageCompressionMethod",
  ): readonly string[] | null => sourceText(firstFile.dataSet, keyword)?.split("\\") ?? null;
  return {
    LossyImageCompression: "01",
    LossyImageCompressionRatio: values("LossyImageCompressionRatio"),
    LossyImageCompressionMethod: values("LossyImageCompressionMethod"),
  };
}

function dimensionIndex(form: SegmentationForm, dimensionUid: string): readonly Attributes[] {
  const position: Attributes = {
    DimensionOrganizationUID: dimensionUid,
    DimensionIndexPointer: elements.ImagePositionPatient[0],
    FunctionalGroupPointer: elements.PlanePositionSequence[0],
    DimensionDescriptionLabel: "Image Position Patient",
  };
  if (form === "label-map") return [position];
  const segment: Attributes = {
    DimensionOrganizationUID: dimensionUid,
    DimensionIndexPointer: elements.ReferencedSegmentNumber[0],
    FunctionalGroupPointer: elements.SegmentIdentificationSequence[0],
    DimensionDescriptionLabel: "Segment Number",
  };
  return [segment, position];
}

function segmentItem({ number, metadata }: NumberedSegment, nameUid: NameUid): Attributes {
  const { algorithm, tracking, cielab, color } = metadata;
  return {
    SegmentNumber: number,
    SegmentLabel: metadata.name,
    SegmentDescription: metadata.description,
    SegmentAlgorithmType: algorithm.type,
    SegmentAlgorithmName: algorithm.name,
    SegmentedPropertyCategoryCodeSequence: codeItem(metadata.category),
    SegmentedPropertyTypeCodeSequence: [
      {
        ...codeItem(metadata.type)[0],
        SegmentedPropertyTypeModifierCodeSequence:
          metadata.typeModifier === null ? null : codeItem(metadata.typeModifier),
      },
    ],
    AnatomicRegionSequence:
      metadata.anatomicRegion === null
        ? null
        : [
            {
              ...codeItem(metadata.anatomicRegion)[0],
              AnatomicRegionModifierSequence:
                metadata.anatomicRegionModifier === null ? null : codeItem(metadata.anatomicRegionModifier),
            },
          ],
    SegmentationAlgorithmIdentificationSequence: [
      {
        AlgorithmFamilyCodeSequence: codeItem(standardCodes.artificialIntelligence),
        AlgorithmName: algorithm.name,
        AlgorithmVersion: algorithm.version,
      },
    ],
    RecommendedDisplayCIELabValue: cielab ?? cielabOf(color),
    TrackingID: tracking?.id ?? null,
    TrackingUID: tracking === null ? null : (tracking.uid ?? nameUid("tracking", String(number))),
  };
}

function sharedGroups({ spacingMmZyx: [z, y, x], directionXyz: d }: Geometry): Attributes {
  return {
    PlaneOrientationSequence: [
      { ImageOrientationPatient: [d[0], d[3], d[6], d[1], d[4], d[7]].map(withoutNoise) },
    ],
    PixelMeasuresSequence: [{ SliceThickness: z, SpacingBetweenSlices: z, PixelSpacing: [y, x] }],
  };
}

/** Zero instead of 1e-17, which some programs print and compare as text. */
const withoutNoise = (value: number): number => (Math.abs(value) < 1e-12 ? 0 : value);

function frameGroups({ frames, series: { reference } }: SegmentationFacts): readonly Attributes[] {
  const used = [...new Set(frames.map(({ z }) => z))].sort((a, b) => a - b);
  const rank = new Map(used.map((z, i) => [z, i + 1]));
  const ofSlice = new Map(
    used.map((z) => {
      const slice = reference.slices[z]!;
      const position: readonly Attributes[] = [{ ImagePositionPatient: slice.positionPatientMm }];
      const derivation: readonly Attributes[] = [
        {
          SourceImageSequence: [
            {
              ...instanceReference(slice),
              SpatialLocationsPreserved: "YES",
              PurposeOfReferenceCodeSequence: codeItem(standardCodes.sourceImage),
            },
          ],
          DerivationCodeSequence: codeItem(standardCodes.segmentation),
        },
      ];
      return [z, { position, derivation }];
    }),
  );
  return frames.map(({ segmentNumber, z }): Attributes => {
    const { position, derivation } = ofSlice.get(z)!;
    const place = rank.get(z)!;
    return {
      DerivationImageSequence: derivation,
      FrameContentSequence: [
        { DimensionIndexValues: segmentNumber === null ? [place] : [segmentNumber, place] },
      ],
      PlanePositionSequence: position,
      SegmentIdentificationSequence:
        segmentNumber === null ? null : [{ ReferencedSegmentNumber: segmentNumber }],
    };
  });
}
