import type { InferencePlan } from "../../../processor/contract/manifest.js";

/**
 * Returns whether a channel may have infinite voxels: nnU-Net v2 clips CT before anything else. With its other schemes, and
 * in v1, which resamples first, one infinite voxel makes the whole channel NaN.
 *
 * @param channel from 0
 */
export const clipsInfinite = ({ normalizeFirst, normalization }: InferencePlan, channel: number): boolean =>
  normalizeFirst && normalization[channel]?.scheme === "CTNormalization";
