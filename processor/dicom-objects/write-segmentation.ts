import type { LabelMap } from "../imaging/volume/label-map.js";
import { findLabelExtents, type SliceExtent } from "./label-extents.js";
import {
  checkShape,
  digestOf,
  type ObjectContext,
  segmentOfLabel,
  uidsOf,
  type Written,
} from "./object-context.js";
import { type BinaryFrame, packBits } from "./pack-bits.js";
import type { SegmentationFacts } from "./segmentation-attributes.js";
import type { SourceSeries } from "./source-series.js";
import { writeSegmentationFile } from "./write-segmentation-file.js";

/**
 * Writes a label map as a binary segmentation: one bit for each voxel, and one frame for each segment and slice that
 * has voxels. Segments are numbered from 1, in the order of the labels that are present.
 *
 * @throws DICOM_LABEL_WITHOUT_SEGMENT, DICOM_SHAPE_MISMATCH, DICOM_OBJECT_TOO_LARGE, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeBinarySegmentation(
  path: string,
  labelMap: LabelMap,
  context: ObjectContext,
): Promise<Written> {
  checkShape(labelMap, context.series);
  const extents = findLabelExtents(labelMap);
  const masks = [...extents].map(([label, slices]) => ({
    voxels: labelMap.voxels,
    value: label,
    label,
    slices,
  }));
  return writeMasks(path, masks, context, digestOf([labelMap.voxels]));
}

/** A segment that may overlap others: its voxels are 1, all others 0. */
export interface SegmentMask {
  /** The label of its metadata. */
  readonly label: number;
  readonly mask: LabelMap;
}

/** Writes masks as a binary segmentation whose segments may overlap. */
export async function writeOverlappingSegmentation(
  path: string,
  segments: readonly SegmentMask[],
  context: ObjectContext,
): Promise<Written> {
  const masks = segments.map(({ label, mask }) => {
    checkShape(mask, context.series);
    return { label, voxels: mask.voxels, value: 1, slices: findLabelExtents(mask).get(1) ?? [] };
  });
  return writeMasks(path, masks, context, digestOf(masks.map(({ voxels }) => voxels)));
}

interface Mask {
  readonly label: number;
  readonly voxels: Uint8Array | Uint16Array;
  /** Its voxels have this value. */
  readonly value: number;
  readonly slices: readonly SliceExtent[];
}

async function writeMasks(
  path: string,
  masks: readonly Mask[],
  context: ObjectContext,
  digest: string,
): Promise<Written> {
  const present = masks.filter(({ slices }) => slices.length > 0);
  if (present.length === 0) return "empty";
  const { series, metadata } = context;
  const segments = present.map(({ label }, i) => ({
    number: i + 1,
    metadata: segmentOfLabel(metadata, label),
  }));
  const { keepsEmptyFrames = false } = context;
  const frames = present.flatMap(({ voxels, value, slices }, i) =>
    (keepsEmptyFrames ? everySlice(slices, series) : slices).map((extent) => ({
      segmentNumber: i + 1,
      z: extent.z,
      voxels,
      label: value,
      extent,
    })),
  );
  const facts: SegmentationFacts = {
    form: "binary",
    series,
    metadata,
    segments,
    frames,
    bitsAllocated: 1,
    segmentsOverlap: overlap(present, series),
    nameUid: uidsOf(keepsEmptyFrames ? "binary, all frames" : "binary", context, digest),
  };
  const [, rows, columns] = series.geometry.sizeZyx;
  await writeSegmentationFile(path, facts, {
    vr: "OB",
    byteLength: Math.ceil((frames.length * rows * columns) / 8),
    parts: packBits(frames satisfies readonly BinaryFrame[], { rows, columns }),
  });
  return "written";
}

/** Adds the slices without voxels, which have an empty box. */
function everySlice(
  slices: readonly SliceExtent[],
  { geometry: { sizeZyx } }: SourceSeries,
): readonly SliceExtent[] {
  const found = new Map(slices.map((extent) => [extent.z, extent]));
  return Array.from({ length: sizeZyx[0] }, (_, z) => found.get(z) ?? { z, rows: [0, 0], columns: [0, 0] });
}

/** Labels of one map cannot overlap. */
function overlap(masks: readonly Mask[], { geometry: { sizeZyx } }: SourceSeries): boolean {
  const [first] = masks;
  if (masks.every(({ voxels }) => voxels === first!.voxels)) return false;
  const seen = new Uint8Array(sizeZyx[0] * sizeZyx[1] * sizeZyx[2]);
  for (const { voxels, value } of masks) {
    for (let i = 0; i < seen.length; i++) {
      if (voxels[i] !== value) continue;
      if (seen[i] === 1) return true;
      seen[i] = 1;
    }
  }
  return false;
}

/**
 * Writes a label map as it is (Supplement 243): the value of a pixel is the number of its segment. Frames without labels
 * are left out.
 */
export async function writeLabelMapSegmentation(
  path: string,
  labelMap: LabelMap,
  context: ObjectContext,
): Promise<Written> {
  const { series, metadata } = context;
  checkShape(labelMap, series);
  const extents = findLabelExtents(labelMap);
  if (extents.size === 0) return "empty";
  const labels = [...extents.keys()];
  const bitsAllocated = Math.max(...labels) < 256 ? 8 : 16;
  const slices = [...new Set([...extents.values()].flat().map(({ z }) => z))].sort((a, b) => a - b);
  const facts: SegmentationFacts = {
    form: "label-map",
    series,
    metadata,
    segments: labels.map((label) => ({ number: label, metadata: segmentOfLabel(metadata, label) })),
    frames: slices.map((z) => ({ segmentNumber: null, z })),
    bitsAllocated,
    segmentsOverlap: false,
    nameUid: uidsOf("label-map", context, digestOf([labelMap.voxels])),
  };
  const [, rows, columns] = series.geometry.sizeZyx;
  await writeSegmentationFile(path, facts, {
    vr: bitsAllocated === 8 ? "OB" : "OW",
    byteLength: (slices.length * rows * columns * bitsAllocated) / 8,
    parts: planesOf(labelMap, slices, bitsAllocated),
  });
  return "written";
}

function* planesOf(
  { voxels, geometry }: LabelMap,
  slices: readonly number[],
  bits: 8 | 16,
): Generator<Uint8Array> {
  const plane = geometry.sizeZyx[1] * geometry.sizeZyx[2];
  for (const z of slices) {
    const pixels = voxels.subarray(z * plane, (z + 1) * plane);
    yield bits === 8 ? Uint8Array.from(pixels) : new Uint8Array(Uint16Array.from(pixels).buffer);
  }
}
