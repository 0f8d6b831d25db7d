const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
const smallestNormal = 2 ** -14;

/** The nearest float16 of a number in [0, 1], ties to even: what a float16 array keeps of it. */
export function roundToHalf(value: number): number {
  // The spacing of float32 in [0.5, 1) is that of float16 below its smallest normal number.
  if (value < smallestNormal) return Math.fround(value + 0.5) - 0.5;
  float[0] = value;
  const kept = bits[0]!;
  bits[0] = (kept + 0xfff + ((kept >>> 13) & 1)) & ~0x1fff;
  return float[0];
}
