import { createHash } from "node:crypto";
import type { LabelMap } from "../imaging/volume/label-map.js";
import { dicomObjectError } from "./errors.js";
import type { ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";
import { identityOf } from "./source-references.js";
import type { SourceSeries } from "./source-series.js";
import { randomUid, uidOf } from "./uid.js";

/** The circumstances of a result. */
export interface ObjectContext {
  readonly series: SourceSeries;
  readonly metadata: ObjectMetadata;
  /** What tells the model from others: its UIDs depend on it. */
  readonly modelId: string;
  /** The form of holes in a structure set; rings if absent. */
  readonly holes?: "rings" | "keyholes";
  /** True to write a frame for each segment and slice, also without voxels; false if absent. */
  readonly keepsEmptyFrames?: boolean;
  /** Random UIDs, if absent, are new ones at each call; derived ones follow from the images, the model and the voxels. */
  readonly uids?: "random" | "derived";
}

/** The outcome: a segmentation without a voxel has no file. */
export type Written = "written" | "empty";

/** @throws DICOM_SHAPE_MISMATCH if a result is not on the grid of the series */
export function checkShape(
  { geometry }: Pick<LabelMap, "geometry">,
  { geometry: { sizeZyx }, reference }: SourceSeries,
): void {
  const isSame = geometry.sizeZyx.every((size, axis) => size === sizeZyx[axis]);
  if (isSame && reference.slices.length === sizeZyx[0]) return;
  throw dicomObjectError(
    "DICOM_SHAPE_MISMATCH",
    `the segmentation has ${geometry.sizeZyx.join(" × ")} voxels (z × y × x), but the series has ${[reference.slices.length, ...sizeZyx.slice(1)].join(" × ")}`,
  );
}

/** @throws DICOM_LABEL_WITHOUT_SEGMENT */
export function segmentOfLabel({ segments }: ObjectMetadata, label: number): SegmentMetadata {
  const found = segments.find((segment) => segment.label === label);
  if (found !== undefined) return found;
  throw dicomObjectError(
    "DICOM_LABEL_WITHOUT_SEGMENT",
    `the segmentation has label ${label}, but the metadata describes only ${segments.map((segment) => segment.label).join(", ")}`,
  );
}

/** Returns the SHA-256 of voxels. */
export function digestOf(parts: readonly Uint8Array[] | readonly (Uint8Array | Uint16Array)[]): string {
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of parts)
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest("hex");
}

/** Returns the UID of a part of a result, such as `instance` or `series`. */
export type NameUid = (...part: readonly string[]) => string;

/** Returns what gives a result its UIDs: new ones, or ones that follow from everything that the result depends on. */
export function uidsOf(
  kind: string,
  { series, metadata, modelId, uids = "random" }: ObjectContext,
  digest: string,
): NameUid {
  if (uids === "random") return randomUid;
  const identity = [kind, modelId, digest, JSON.stringify(metadata), identityOf(series.reference)].join("\n");
  return (first, ...others) => uidOf(first!, identity, ...others);
}
