import { openRegularFile } from "../../../../files/read-text-file.js";
import { numberOf, uint16Of } from "../../../../imaging/dicom/element-values.js";
import type { DicomFile } from "../../../../imaging/dicom/read-dicom-file.js";
import { tags } from "../../../../imaging/dicom/tags.js";
import { exchangeError } from "../errors.js";

/**
 * Yields one frame of an object with one bit for each pixel, whose frames follow each other without padding (PS3.5, 8.1.1).
 * The first pixel becomes the lowest bit of the first byte.
 *
 * @throws DICOM_NOT_ACCEPTABLE if the file has fewer bits than its header says
 */
export async function* bitsOfFrame(file: DicomFile, frame: number): AsyncGenerator<Buffer> {
  const { dataSet, pixels, path } = file;
  const bits = (uint16Of(dataSet, tags.Rows) ?? 0) * (uint16Of(dataSet, tags.Columns) ?? 0);
  const frames = numberOf(dataSet, tags.NumberOfFrames) ?? 1;
  const { at, length } = pixels!;
  if (length * 8 < bits * frames)
    throw exchangeError("DICOM_NOT_ACCEPTABLE", "the object has fewer pixels than its header says");
  const firstBit = bits * frame;
  const firstByte = Math.floor(firstBit / 8);
  const bytes = Buffer.alloc(Math.ceil((firstBit + bits) / 8) - firstByte);
  const opened = await openRegularFile(path);
  try {
    await opened.read(bytes, 0, bytes.length, at + firstByte);
  } finally {
    await opened.close();
  }
  yield shiftedBits(bytes, firstBit % 8, bits);
}

/** Takes bits from a place in the first byte on; unused bits of the last byte are 0. */
export function shiftedBits(bytes: Uint8Array, shift: number, bits: number): Buffer {
  const result = Buffer.alloc(Math.ceil(bits / 8));
  for (let i = 0; i < result.length; i++)
    result[i] = (bytes[i]! >> shift) | (shift === 0 ? 0 : (bytes[i + 1] ?? 0) << (8 - shift));
  const unused = result.length * 8 - bits;
  if (unused > 0) result[result.length - 1]! &= 0xff >> unused;
  return result;
}
