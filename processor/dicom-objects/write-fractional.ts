import { createHash } from "node:crypto";
import { checkShape, type ObjectContext, segmentOfLabel, uidsOf, type Written } from "./object-context.js";
import type { FrameFacts } from "./segmentation-attributes.js";
import { writeSegmentationFile } from "./write-segmentation-file.js";

/** Probabilities as a fractional segmentation stores them: 0 to 255 for 0 to 1, `z × y × x` of the series. */
export interface FractionalVolumes {
  /** The labels in ascending order, one for each segment. */
  readonly labels: readonly number[];
  /** Returns the volume of one label. It is called twice, so that memory holds only one. */
  volume(index: number): Promise<Uint8Array>;
}

/** Returns a probability as it is stored: half a step is the largest error. */
export const storedProbability = (probability: number): number =>
  Math.round(Math.min(1, Math.max(0, probability)) * 255) || 0;

/**
 * Writes probabilities as a fractional segmentation: one byte for each voxel, one segment for each label, and one frame
 * for each segment and slice with a value above 0.
 *
 * @throws DICOM_LABEL_WITHOUT_SEGMENT, DICOM_SHAPE_MISMATCH, DICOM_OBJECT_TOO_LARGE, DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeFractionalSegmentation(
  path: string,
  volumes: FractionalVolumes,
  context: ObjectContext,
): Promise<Written> {
  const { series, metadata } = context;
  const { geometry } = series;
  checkShape({ geometry }, series);
  const [slices, rows, columns] = geometry.sizeZyx;
  const plane = rows * columns;
  const frames: (FrameFacts & { readonly segmentNumber: number })[] = [];
  const hash = createHash("sha256");
  for (let i = 0; i < volumes.labels.length; i++) {
    const voxels = await volumes.volume(i);
    hash.update(voxels);
    for (let z = 0; z < slices; z++) {
      if (voxels.subarray(z * plane, (z + 1) * plane).some((value) => value > 0))
        frames.push({ segmentNumber: i + 1, z });
    }
  }
  if (frames.length === 0) return "empty";
  await writeSegmentationFile(
    path,
    {
      form: "fractional",
      series,
      metadata,
      segments: volumes.labels.map((label, i) => ({
        number: i + 1,
        metadata: segmentOfLabel(metadata, label),
      })),
      frames,
      bitsAllocated: 8,
      // Several labels may have a probability at one voxel.
      segmentsOverlap: volumes.labels.length > 1,
      nameUid: uidsOf("fractional", context, hash.digest("hex")),
    },
    { vr: "OB", byteLength: frames.length * plane, parts: planesOf(volumes, frames, plane) },
  );
  return "written";
}

async function* planesOf(
  volumes: FractionalVolumes,
  frames: readonly { readonly segmentNumber: number; readonly z: number }[],
  plane: number,
): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < volumes.labels.length; i++) {
    const ofSegment = frames.filter(({ segmentNumber }) => segmentNumber === i + 1);
    if (ofSegment.length === 0) continue;
    const voxels = await volumes.volume(i);
    for (const { z } of ofSegment) yield voxels.subarray(z * plane, (z + 1) * plane);
  }
}
