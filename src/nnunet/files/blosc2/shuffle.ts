/** Puts the first bytes of all numbers together, then the second ones: Blosc's shuffle, which compresses smooth data better. */
export function shuffle(source: Uint8Array, target: Uint8Array, bytesPerNumber: number): void {
  const count = Math.floor(source.length / bytesPerNumber);
  if (bytesPerNumber === 4 && count % 4 === 0 && areWords(source, target)) shuffleWords(source, target);
  else
    for (let byte = 0; byte < bytesPerNumber; byte++)
      for (let i = 0; i < count; i++) target[byte * count + i] = source[i * bytesPerNumber + byte]!;
  target.set(source.subarray(count * bytesPerNumber), count * bytesPerNumber);
}

const areWords = (source: Uint8Array, target: Uint8Array): boolean =>
  source.byteOffset % 4 === 0 && target.byteOffset % 4 === 0;

/** Does the same for numbers of four bytes, four of them at a time: this is most of the time of writing a file. */
function shuffleWords(source: Uint8Array, target: Uint8Array): void {
  const quarter = Math.floor(source.length / 16);
  const from = new Uint32Array(source.buffer, source.byteOffset, 4 * quarter);
  const to = new Uint32Array(target.buffer, target.byteOffset, 4 * quarter);
  for (let i = 0; i < quarter; i++) {
    const a = from[4 * i]!;
    const b = from[4 * i + 1]!;
    const c = from[4 * i + 2]!;
    const d = from[4 * i + 3]!;
    to[i] = (a & 255) | ((b & 255) << 8) | ((c & 255) << 16) | (d << 24);
    to[quarter + i] = ((a >>> 8) & 255) | (b & 0xff00) | ((c & 0xff00) << 8) | ((d & 0xff00) << 16);
    to[2 * quarter + i] = ((a >>> 16) & 255) | ((b >>> 8) & 0xff00) | (c & 0xff0000) | ((d & 0xff0000) << 8);
    to[3 * quarter + i] = (a >>> 24) | ((b >>> 16) & 0xff00) | ((c >>> 8) & 0xff0000) | (d & 0xff000000);
  }
}

/** Reverses `shuffle`. */
export function unshuffle(source: Uint8Array, target: Uint8Array, bytesPerNumber: number): void {
  const count = Math.floor(source.length / bytesPerNumber);
  for (let byte = 0; byte < bytesPerNumber; byte++)
    for (let i = 0; i < count; i++) target[i * bytesPerNumber + byte] = source[byte * count + i]!;
  target.set(source.subarray(count * bytesPerNumber), count * bytesPerNumber);
}
