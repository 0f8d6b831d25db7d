import { rescaleWords } from "./rescale-words.js";
import { rescaleOfStored, type ValueRule } from "./value-rule.js";

/** The samples of an image, one for each pixel, in the machine's byte order. */
export type Samples = Uint8Array | Uint16Array | Uint32Array;

/**
 * Turns samples into values: takes the stored bits, extends their sign, and rescales in double precision (PS3.3, C.11.1).
 * Bits outside the stored ones may have any value (PS3.5, 8.1.1).
 */
export function storedToValues(samples: Samples, values: Float32Array | Int16Array, rule: ValueRule): void {
  const { bitsStored, highBit, isSigned } = rule;
  const { slope, intercept } = rescaleOfStored(rule);
  const up = 31 - highBit;
  const down = 32 - bitsStored;
  // A compressed stream may have fewer bits than the data set allocates.
  if (samples instanceof Uint16Array && highBit < 16) {
    const word = { up: up - 16, down: down - 16, isSigned, slope, intercept };
    if (rescaleWords(samples, values, word)) return;
  }
  const count = values.length;
  if (isSigned) for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >> down) * slope + intercept;
  else for (let i = 0; i < count; i++) values[i] = ((samples[i]! << up) >>> down) * slope + intercept;
}
