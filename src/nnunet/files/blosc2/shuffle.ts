/** Puts the first bytes of all numbers together, then the second ones: Blosc's shuffle, which compresses smooth data better. */
export function shuffle(source: Uint8Array, target: Uint8Array, bytesPerNumber: number): void {
  const count = Math.floor(source.length / bytesPerNumber);
  for (let byte = 0; byte < bytesPerNumber; byte++)
    for (let i = 0; i < count; i++) target[byte * count + i] = source[i * bytesPerNumber + byte]!;
  target.set(source.subarray(count * bytesPerNumber), count * bytesPerNumber);
}

/** Reverses `shuffle`. */
export function unshuffle(source: Uint8Array, target: Uint8Array, bytesPerNumber: number): void {
  const count = Math.floor(source.length / bytesPerNumber);
  for (let byte = 0; byte < bytesPerNumber; byte++)
    for (let i = 0; i < count; i++) target[i * bytesPerNumber + byte] = source[byte * count + i]!;
  target.set(source.subarray(count * bytesPerNumber), count * bytesPerNumber);
}
