import type { CodestreamFacts } from "./pixel-shape.js";
import { Undecodable } from "./undecodable.js";

/**
 * Reads the size of a JPEG-LS stream from its frame header (T.87, C.2.2).
 *
 * @throws Undecodable
 */
export function jpegLsFacts(bytes: Uint8Array): CodestreamFacts {
  const view = viewOf(bytes);
  if (bytes.length < 4 || view.getUint16(0) !== 0xffd8)
    throw new Undecodable("it does not begin as a JPEG-LS stream");
  for (let at = 2; at + 4 <= bytes.length; at += 2 + view.getUint16(at + 2)) {
    while (bytes[at] === 0xff && bytes[at + 1] === 0xff && at + 5 <= bytes.length) at++;
    if (bytes[at] !== 0xff) break;
    if (bytes[at + 1] !== 0xf7) continue;
    if (at + 10 > bytes.length) break;
    return {
      precision: view.getUint8(at + 4),
      rows: view.getUint16(at + 5),
      columns: view.getUint16(at + 7),
      components: view.getUint8(at + 9),
    };
  }
  throw new Undecodable("its JPEG-LS stream does not say its size");
}

/** The most tiles of an image that is read; the standard allows 65,535. */
const mostTiles = 4096;

/**
 * Reads the size of a JPEG 2000 stream, also of a high-throughput one, from its SIZ segment (T.800, A.5.1).
 *
 * @throws Undecodable
 */
export function jpeg2000Facts(bytes: Uint8Array): CodestreamFacts {
  const view = viewOf(bytes);
  if (bytes.length < 45 || view.getUint32(0) !== 0xff4fff51)
    throw new Undecodable("it does not begin as a JPEG 2000 stream");
  const word = (i: number): number => view.getUint32(8 + 4 * i);
  const [columns, rows] = [word(0) - word(2), word(1) - word(3)];
  const [tileColumns, tileRows] = [word(4), word(5)];
  if (tileColumns === 0 || tileRows === 0 || (columns / tileColumns) * (rows / tileRows) > mostTiles)
    throw new Undecodable(`its JPEG 2000 tiles are ${tileRows} × ${tileColumns}`);
  const depth = view.getUint8(42);
  return { columns, rows, components: view.getUint16(40), precision: (depth & 0x7f) + 1 };
}

/** Checks that a stream ends with its end marker, which a pad byte may follow (PS3.5, A.4). */
export function checkEndMarker(bytes: Uint8Array): void {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  if (end < 2 || bytes[end - 2] !== 0xff || bytes[end - 1] !== 0xd9)
    throw new Undecodable("its compressed pixels end without an end marker");
}

const viewOf = (bytes: Uint8Array): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
