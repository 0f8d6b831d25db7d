import type { PixelShape } from "./pixel-shape.js";

/** The samples of an image, one for each pixel, in the machine's byte order. */
export type Samples = Uint8Array | Uint16Array | Uint32Array;

export interface ValueRule extends Pick<PixelShape, "bitsStored" | "highBit" | "isSigned"> {
  readonly slope: number;
  readonly intercept: number;
  /** True if stored values count down from the largest one, as in MONOCHROME1. */
  readonly isInverted: boolean;
}

/**
 * Turns samples into values: takes the stored bits, extends their sign, and rescales in double precision (PS3.3, C.11.1).
 * Bits outside the stored ones may have any value (PS3.5, 8.1.1).
 */
export function storedToFloat(samples: Samples, values: Float32Array, rule: ValueRule): void {
  const { bitsStored, highBit, isSigned, isInverted } = rule;
  const slope = isInverted ? -rule.slope : rule.slope;
  const intercept = isInverted ? (2 ** bitsStored - 1) * rule.slope + rule.intercept : rule.intercept;
  if (bitsStored === 16 && samples instanceof Uint16Array) {
    const stored = isSigned ? new Int16Array(samples.buffer, samples.byteOffset, samples.length) : samples;
    rescale(stored, values, slope, intercept);
    return;
  }
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  const count = values.length;
  if (isSigned) for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >> down) * slope + intercept;
  else for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >>> down) * slope + intercept;
}

/** Four values at a time take half the time of one after the other. */
function rescale(
  stored: Int16Array | Uint16Array,
  values: Float32Array,
  slope: number,
  intercept: number,
): void {
  const even = values.length & ~3;
  for (let i = 0; i < even; i += 4) {
    values[i] = stored[i]! * slope + intercept;
    values[i + 1] = stored[i + 1]! * slope + intercept;
    values[i + 2] = stored[i + 2]! * slope + intercept;
    values[i + 3] = stored[i + 3]! * slope + intercept;
  }
  for (let i = even; i < values.length; i++) values[i] = stored[i]! * slope + intercept;
}
