import type { PixelShape } from "./pixel-shape.js";
import { Undecodable } from "./undecodable.js";

const headerBytes = 64;

/**
 * Decodes DICOM's run-length encoding (PS3.5, G): one segment for each byte of a pixel, the most significant first.
 *
 * @returns the pixels' bytes in little endian
 * @throws Undecodable
 */
export function decodeRle(bytes: Uint8Array, { rows, columns, bitsAllocated }: PixelShape): Uint8Array {
  const planes = bitsAllocated / 8;
  if (bytes.length < headerBytes) throw new Undecodable("its RLE header ends early");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  if (count !== planes)
    throw new Undecodable(`it has ${count} RLE segments, but its pixels have ${planes} bytes`);
  const starts = Array.from({ length: planes }, (_, i) => view.getUint32(4 + 4 * i, true));
  const pixels = new Uint8Array(rows * columns * planes);
  for (const [i, start] of starts.entries()) {
    const end = starts[i + 1] ?? bytes.length;
    if (start < headerBytes || end > bytes.length || start > end)
      throw new Undecodable("an RLE segment is outside of its fragment");
    decodeSegment(bytes.subarray(start, end), pixels, { first: planes - 1 - i, step: planes });
  }
  return pixels;
}

/** Unpacks one segment into every `step`th byte. It must fill them exactly. */
function decodeSegment(
  segment: Uint8Array,
  pixels: Uint8Array,
  { first, step }: { readonly first: number; readonly step: number },
): void {
  let to = first;
  let at = 0;
  while (to < pixels.length) {
    if (at >= segment.length) throw new Undecodable("an RLE segment ends before its last pixel");
    const control = segment[at++]!;
    if (control === 128) continue;
    const count = control < 128 ? control + 1 : 257 - control;
    const end = to + count * step;
    if (end >= pixels.length + step) throw new Undecodable("an RLE segment has more pixels than the image");
    if (control > 128) {
      const value = segment[at++] ?? refuse();
      for (; to < end; to += step) pixels[to] = value;
    } else {
      if (at + count > segment.length) refuse();
      for (; to < end; to += step) pixels[to] = segment[at++]!;
    }
  }
  for (; at < segment.length; at++)
    if (segment[at] !== 0 && segment[at] !== 128)
      throw new Undecodable("an RLE segment has more pixels than the image");
}

function refuse(): never {
  throw new Undecodable("an RLE segment ends within a run");
}
