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
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  const slope = isInverted ? -rule.slope : rule.slope;
  const intercept = isInverted ? (2 ** bitsStored - 1) * rule.slope + rule.intercept : rule.intercept;
  const count = values.length;
  if (isSigned) for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >> down) * slope + intercept;
  else for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >>> down) * slope + intercept;
}
