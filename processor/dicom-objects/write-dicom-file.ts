import { writeFileWhole } from "../files/write-file.js";
import type { Attributes } from "./elements.js";
import { encodeDataSet, encodeElementHeader, type TransferSyntax } from "./encode-data-set.js";
import { fileHeader } from "./file-header.js";

export interface DicomObject {
  /** With SOPClassUID and SOPInstanceUID; without PixelData. */
  readonly attributes: Attributes;
  readonly pixelData: PixelData | null;
}

/** Pixels that are made while they are written. */
export interface PixelData {
  /** OB for bits and bytes, OW for 16-bit words. */
  readonly vr: "OB" | "OW";
  readonly byteLength: number;
  readonly parts: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

const transferSyntaxUids: Readonly<Record<TransferSyntax, string>> = {
  "implicit-little-endian": "1.2.840.10008.1.2",
  "explicit-little-endian": "1.2.840.10008.1.2.1",
};

/**
 * Writes a DICOM file (PS3.10, 7) in one go and under a temporary name, so that it is either complete or absent.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export function writeDicomFile(path: string, object: DicomObject, syntax: TransferSyntax): Promise<void> {
  return writeFileWhole(path, fileParts(object, syntax));
}

async function* fileParts(
  { attributes, pixelData }: DicomObject,
  syntax: TransferSyntax,
): AsyncGenerator<Uint8Array> {
  const { SOPClassUID, SOPInstanceUID } = attributes;
  yield fileHeader({
    sopClassUid: String(SOPClassUID),
    sopInstanceUid: String(SOPInstanceUID),
    transferSyntaxUid: transferSyntaxUids[syntax],
  });
  yield encodeDataSet(attributes, syntax);
  if (pixelData === null) return;
  const { vr, byteLength, parts } = pixelData;
  yield encodeElementHeader("PixelData", { vr, length: byteLength + (byteLength % 2) });
  yield* parts;
  if (byteLength % 2 === 1) yield new Uint8Array(1);
}
