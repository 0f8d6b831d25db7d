import type { LabelMap } from "../imaging/volume/label-map.js";
import type { Attributes } from "./elements.js";
import { joinHoles } from "./join-holes.js";
import { findLabelExtents, type SliceExtent } from "./label-extents.js";
import {
  checkShape,
  digestOf,
  type NameUid,
  type ObjectContext,
  segmentOfLabel,
  uidsOf,
  type Written,
} from "./object-context.js";
import type { SegmentMetadata } from "./segment-metadata.js";
import { equipmentAttributes } from "./segmentation-attributes.js";
import { momentOf, patientAndStudy } from "./source-attributes.js";
import { allInstances, frameOfReferenceOf, instanceReference, studyOf } from "./source-references.js";
import type { SourceSeries } from "./source-series.js";
import { type Ring, traceContours } from "./trace-contours.js";
import { writeDicomFile } from "./write-dicom-file.js";

interface Region {
  readonly number: number;
  /** Unique in the structure set. */
  readonly name: string;
  readonly label: number;
  readonly metadata: SegmentMetadata;
  readonly slices: readonly SliceExtent[];
}

/**
 * Writes a label map as an RT structure set (PS3.3, A.19): one region of interest for each label that is present, with
 * closed planar contours on the slices of the series.
 *
 * It is in implicit VR, because in explicit VR a contour of more than 64 KiB of text has no place for its length.
 *
 * @throws DICOM_LABEL_WITHOUT_SEGMENT, DICOM_SHAPE_MISMATCH, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeRtStructureSet(
  path: string,
  labelMap: LabelMap,
  context: ObjectContext,
): Promise<Written> {
  const { series, metadata } = context;
  checkShape(labelMap, series);
  const extents = findLabelExtents(labelMap);
  if (extents.size === 0) return "empty";
  const names = new Set<string>();
  const regions = [...extents].map(([label, slices], i): Region => {
    const segment = segmentOfLabel(metadata, label);
    return { number: i + 1, name: uniqueName(segment.name, names), label, metadata: segment, slices };
  });
  const digest = digestOf([labelMap.voxels]);
  const attributes = structureSetAttributes(
    regions,
    context,
    uidsOf(`RT structure set, ${context.holes ?? "rings"}`, context, digest),
  );
  const contours = regions.map((region) => contoursOf(region, labelMap, context));
  await writeDicomFile(
    path,
    { attributes: { ...attributes, ROIContourSequence: contours }, pixelData: null },
    "implicit-little-endian",
  );
  return "written";
}

/** Planning systems tell regions by their names. */
function uniqueName(name: string, taken: Set<string>): string {
  let unique = name;
  for (let n = 2; taken.has(unique); n++) unique = `${name.slice(0, 60)} ${n}`;
  taken.add(unique);
  return unique;
}

function structureSetAttributes(
  regions: readonly Region[],
  { series: { reference }, metadata }: ObjectContext,
  nameUid: NameUid,
): Attributes {
  const { dataSet } = reference.firstFile;
  const { date, time } = momentOf(dataSet);
  const frameOfReference = frameOfReferenceOf(reference);
  return {
    ...patientAndStudy(dataSet),
    SpecificCharacterSet: "ISO_IR 192",
    SOPClassUID: "1.2.840.10008.5.1.4.1.1.481.3",
    SOPInstanceUID: nameUid("instance"),
    SeriesDate: date,
    SeriesTime: time,
    Modality: "RTSTRUCT",
    ...equipmentAttributes(metadata),
    SeriesDescription: metadata.seriesDescription,
    OperatorsName: "",
    StudyInstanceUID: studyOf(reference),
    SeriesInstanceUID: nameUid("series"),
    SeriesNumber: metadata.seriesNumber + 1,
    InstanceNumber: metadata.instanceNumber,
    FrameOfReferenceUID: frameOfReference,
    StructureSetLabel: metadata.contentLabel.slice(0, 16),
    StructureSetDate: date,
    StructureSetTime: time,
    ReferencedFrameOfReferenceSequence: [
      {
        FrameOfReferenceUID: frameOfReference,
        RTReferencedStudySequence: [
          {
            ReferencedSOPClassUID: "1.2.840.10008.3.1.2.3.1",
            ReferencedSOPInstanceUID: studyOf(reference),
            RTReferencedSeriesSequence: [
              {
                SeriesInstanceUID: reference.seriesInstanceUid,
                ContourImageSequence: allInstances(reference),
              },
            ],
          },
        ],
      },
    ],
    StructureSetROISequence: regions.map(({ number, name, metadata: segment }) => ({
      ROINumber: number,
      ReferencedFrameOfReferenceUID: frameOfReference,
      ROIName: name,
      ROIDescription: segment.description.slice(0, 1024),
      ROIGenerationAlgorithm: segment.algorithm.type,
    })),
    RTROIObservationsSequence: regions.map(({ number }) => ({
      ObservationNumber: number,
      ReferencedROINumber: number,
      RTROIInterpretedType: "",
      ROIInterpreter: "",
    })),
  };
}

function contoursOf(
  { number, label, metadata, slices }: Region,
  labelMap: LabelMap,
  { series, holes = "rings" }: ObjectContext,
): Attributes {
  const [, rows, columns] = labelMap.geometry.sizeZyx;
  const { voxels } = labelMap;
  return {
    ROIDisplayColor: metadata.color,
    ReferencedROINumber: number,
    ContourSequence: slices.flatMap((extent) => {
      const rings = traceContours({ voxels, label, extent, rows, columns });
      const closed = holes === "keyholes" ? joinHoles(rings) : rings;
      return closed.map((ring) => contourItem(ring, extent.z, series));
    }),
  };
}

function contourItem(ring: Ring, z: number, { reference, geometry }: SourceSeries): Attributes {
  const slice = reference.slices[z]!;
  const [, spacingY, spacingX] = geometry.spacingMmZyx;
  const d = geometry.directionXyz;
  const points: string[] = [];
  for (let i = 0; i < ring.length; i += 2) {
    const alongRow = ring[i]! * spacingX;
    const alongColumn = ring[i + 1]! * spacingY;
    for (const axis of [0, 1, 2] as const) {
      const value = slice.positionPatientMm[axis] + d[3 * axis]! * alongRow + d[3 * axis + 1]! * alongColumn;
      points.push(millimetres(value));
    }
  }
  return {
    ContourImageSequence: [instanceReference(slice)],
    ContourGeometricType: "CLOSED_PLANAR",
    NumberOfContourPoints: ring.length / 2,
    ContourData: points.join("\\"),
  };
}

/** A tenth of a micrometre is far below the size of a pixel, and keeps the file short. */
const millimetres = (value: number): string => String(Math.round(value * 10000) / 10000);
