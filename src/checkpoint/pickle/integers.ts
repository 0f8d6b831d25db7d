/** Returns a number if it is exact, otherwise a bigint, because Python's integers have any size. */
export const narrow = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;

/** Reads a little-endian two's complement integer of any length. */
export function littleEndianInteger(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
  return narrow(BigInt.asIntN(8 * Math.max(bytes.length, 1), value));
}
