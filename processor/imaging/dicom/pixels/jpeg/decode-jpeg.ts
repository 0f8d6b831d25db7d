import { checkCodestream, type PixelShape } from "../pixel-shape.js";
import { decodeLossless } from "./decode-lossless.js";
import { decodeSequential } from "./decode-sequential.js";
import { readJpegHeader } from "./jpeg-header.js";

/**
 * Decodes a grey JPEG image: baseline, extended with 8 or 12 bits, or lossless.
 *
 * @throws Undecodable
 */
export function decodeJpeg(bytes: Uint8Array, shape: PixelShape): Uint16Array {
  const header = readJpegHeader(bytes);
  checkCodestream(header, shape);
  return header.process === "lossless" ? decodeLossless(bytes, header) : decodeSequential(bytes, header);
}
