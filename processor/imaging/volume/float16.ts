/** Returns the value of a float16 number with the given bits (IEEE 754 binary16). */
export function halfToFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Returns the values of all 65,536 float16 numbers, indexed by their bits. */
export const halfFloatTable = (): Float32Array =>
  Float32Array.from({ length: 2 ** 16 }, (_, bits) => halfToFloat(bits));

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
const smallestNormal = 2 ** -14;

/** Rounds a number in [0, 65504] to the nearest float16, ties to even, as a float16 array does. */
export function roundToHalf(value: number): number {
  // Between 0.5 and 1, float32 has the same spacing as float16 below its smallest normal number.
  if (value < smallestNormal) return Math.fround(value + 0.5) - 0.5;
  float[0] = value;
  const kept = bits[0]!;
  bits[0] = (kept + 0xfff + ((kept >>> 13) & 1)) & ~0x1fff;
  return float[0];
}

/** Returns the bits of the float16 that is nearest to a number, ties to even, as numpy's `astype(float16)` does. */
export function floatToHalf(value: number): number {
  const size = Math.fround(Math.abs(value));
  const sign = value < 0 ? 0x8000 : 0;
  if (size < smallestNormal) return sign | (roundToHalf(size) * 2 ** 24);
  float[0] = size;
  const kept = bits[0]!;
  const rounded = (kept + 0xfff + ((kept >>> 13) & 1)) >>> 13;
  // The exponent biases of float32 and float16 are 127 and 15.
  return sign | Math.min(rounded - (112 << 10), infinity);
}

const infinity = 0x7c00;
