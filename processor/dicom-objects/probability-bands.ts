import { rampColor } from "./colors.js";
import type { ObjectMetadata, SegmentMetadata } from "./segment-metadata.js";

const bands = 10;

/**
 * Returns the band of each probability, as a label map: band i of ten holds `(i - 1) / 10 < p <= i / 10`; 0 is outside
 * all. Viewers that show no fractional segmentations show these as ten binary segments.
 */
export function probabilityBands(probabilities: Float32Array): Uint8Array {
  const labels = new Uint8Array(probabilities.length);
  for (let i = 0; i < labels.length; i++) {
    const p = probabilities[i]!;
    if (!(p > 0)) continue;
    let band = Math.min(bands, Math.ceil(p * bands));
    // A product such as 0.3 * 10 may be rounded across the border.
    while (band > 1 && p <= (band - 1) / bands) band--;
    while (band < bands && p > band / bands) band++;
    labels[i] = band;
  }
  return labels;
}

/** Returns the metadata of the ten bands of the only segment. */
export function metadataOfBands(metadata: ObjectMetadata): ObjectMetadata {
  const segment = metadata.segments[0]!;
  return {
    ...metadata,
    segments: Array.from({ length: bands }, (_, i): SegmentMetadata => {
      const range = ` (${i * 10}-${(i + 1) * 10}%)`;
      return {
        ...segment,
        label: i + 1,
        name: segment.name.slice(0, 64 - range.length) + range,
        color: rampColor(i, bands),
        cielab: null,
        tracking:
          segment.tracking === null
            ? null
            : { id: segment.tracking.id.slice(0, 64 - range.length) + range, uid: null },
      };
    }),
  };
}

/**
 * Returns the steps of each probability, as nnunet_serve's `--fractional_as_segments` numbers them: label
 * `trunc(p * n)`, so that only p = 1 has the last of n labels.
 */
export const probabilitySteps = (probabilities: Float32Array, steps: number): Uint8Array =>
  Uint8Array.from(probabilities, (p) => Math.trunc(p * steps));
