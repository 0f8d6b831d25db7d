/** The voxels of a small image, 4 × 3 × 2. */
export const samples: readonly number[] = Array.from({ length: 24 }, (_, i) => 300 * i - 1000);

export function int16Bytes(values: readonly number[] = samples, isBigEndian = false): Buffer {
  const bytes = Buffer.from(Int16Array.from(values).buffer);
  return isBigEndian ? bytes.swap16() : bytes;
}
