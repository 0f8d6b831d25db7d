import type { PixelShape } from "./pixel-shape.js";

/** How the samples of an image become values. */
export interface ValueRule extends Pick<PixelShape, "bitsStored" | "highBit" | "isSigned"> {
  readonly slope: number;
  readonly intercept: number;
  /** True if stored values count down from the largest one, as in MONOCHROME1. */
  readonly isInverted: boolean;
}

/** Returns the slope and the intercept that stored values are rescaled with. */
export const rescaleOfStored = ({
  bitsStored,
  slope,
  intercept,
  isInverted,
}: ValueRule): Pick<ValueRule, "slope" | "intercept"> =>
  isInverted ? { slope: -slope, intercept: (2 ** bitsStored - 1) * slope + intercept } : { slope, intercept };

/** Returns whether every value is a whole number of 16 bits. */
export function fitsInt16(rule: ValueRule): boolean {
  const { slope, intercept } = rescaleOfStored(rule);
  const { bitsStored, isSigned } = rule;
  const [least, most] = isSigned
    ? [-(2 ** (bitsStored - 1)), 2 ** (bitsStored - 1) - 1]
    : [0, 2 ** bitsStored - 1];
  const ends = [least * slope + intercept, most * slope + intercept];
  return (
    Number.isInteger(slope) &&
    Number.isInteger(intercept) &&
    ends.every((value) => value >= -(2 ** 15) && value < 2 ** 15)
  );
}
