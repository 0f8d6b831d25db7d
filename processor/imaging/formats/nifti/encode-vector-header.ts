import type { Geometry } from "../../volume/geometry.js";
import type { NiftiOrientation } from "../../volume/image.js";
import { encodeNiftiHeader } from "./encode-nifti.js";

/** NIFTI_INTENT_VECTOR: the fifth axis holds the components of a voxel. */
const vectorIntent = 1007;

export interface VectorHeader {
  readonly geometry: Geometry;
  readonly components: number;
  /** The orientation that is kept bit for bit; null for that of the geometry. */
  readonly source: NiftiOrientation | null;
}

/**
 * Encodes the header of float32 vectors as ITK does: `x × y × z × 1 × component`, the components slowest. One component
 * is an ordinary image.
 */
export function encodeVectorHeader({ geometry, components, source }: VectorHeader): Buffer {
  const header = encodeNiftiHeader({ geometry, components: 1, voxels: new Float32Array(0) }, source);
  if (components === 1) return header;
  header.writeInt16LE(5, 40);
  header.writeInt16LE(components, 50);
  header.writeInt16LE(vectorIntent, 68);
  return header;
}
