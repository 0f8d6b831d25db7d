import { imageError } from "../../errors.js";

const clearCode = 256;
const endCode = 257;
const largestCode = 4095;

/**
 * Expands TIFF's LZW: codes of 9 to 12 bits, highest bit first. Codes become a bit wider one code earlier than in GIF.
 *
 * @param expected number of bytes after which the rest is ignored
 * @returns fewer bytes if the data ends early
 * @throws IMAGE_INVALID for a code without a meaning; IMAGE_UNSUPPORTED for the bit order that was used before TIFF 6.0
 */
export function expandLzw(bytes: Uint8Array, expected: number, path: string): Uint8Array {
  if (bytes.length > 1 && bytes[0] === 0 && (bytes[1]! & 1) === 1) {
    throw imageError("IMAGE_UNSUPPORTED", `${path}: LZW in the form before TIFF 6.0 cannot be read`);
  }
  const output = new Uint8Array(expected);
  // Each entry of the table is the position of its string in the output, and the string's length.
  const place = new Uint32Array(largestCode + 1);
  const lengths = new Uint16Array(largestCode + 1);
  let to = 0;
  let next = endCode + 1;
  let width = 9;
  let previousAt = -1;
  let previousLength = 0;
  let held = 0;
  let heldBits = 0;
  for (let from = 0; to < expected; ) {
    while (heldBits < width && from < bytes.length) {
      held = ((held << 8) | bytes[from++]!) & 0xffffff;
      heldBits += 8;
    }
    if (heldBits < width) break;
    heldBits -= width;
    const code = (held >> heldBits) & ((1 << width) - 1);
    if (code === endCode) break;
    if (code === clearCode) {
      next = endCode + 1;
      width = 9;
      previousAt = -1;
      continue;
    }
    const isOwn = code >= next;
    if (isOwn && (code > next || previousAt < 0)) {
      throw imageError(
        "IMAGE_INVALID",
        `${path}: it has LZW code ${code}, but only ${next} codes are defined at this point`,
      );
    }
    const at = to;
    // A code stands for a string of the table, or for the previous string followed by its own first byte.
    const length = code < clearCode ? 1 : isOwn ? previousLength + 1 : lengths[code]!;
    if (code < clearCode) output[to++] = code;
    else {
      const source = isOwn ? previousAt : place[code]!;
      const end = Math.min(at + length, expected);
      for (let i = source; to < end; ) output[to++] = output[i++]!;
    }
    if (previousAt >= 0 && next <= largestCode) {
      place[next] = previousAt;
      lengths[next++] = previousLength + 1;
    }
    if (next + 1 >= 1 << width && width < 12) width++;
    previousAt = at;
    previousLength = length;
  }
  return output.subarray(0, to);
}
