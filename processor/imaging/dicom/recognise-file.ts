import { MalformedDataSet, NeedsMoreBytes } from "./scan-elements.js";
import {
  implicitLittleEndian,
  plainExplicit,
  type TransferSyntax,
  transferSyntaxOf,
} from "./transfer-syntaxes.js";

/** Where a file's data set begins, and how it is written. */
export interface FileStart {
  readonly syntax: TransferSyntax;
  readonly dataSetAt: number;
}

/**
 * Recognises a DICOM file by its bytes; returns null for any other file. Files without the preamble, and without the
 * header of group 0002, count too.
 *
 * @param bytes the beginning of the file
 * @throws MalformedDataSet, NeedsMoreBytes
 */
export function recogniseFile(bytes: Buffer, fileBytes: number): FileStart | null {
  if (bytes.toString("latin1", 128, 132) === "DICM") return readHeader(bytes, fileBytes, 132);
  if (bytes.length < 8) return null;
  if (bytes.readUInt16LE(0) === 0x0002 && explicitVr.test(bytes.toString("latin1", 4, 6)))
    return readHeader(bytes, fileBytes, 0);
  return withoutHeader(bytes, fileBytes, 0);
}

const explicitVr = /^(?:A[EST]|C[S]|D[AST]|F[DL]|I[S]|L[OT]|O[BDFLVW]|PN|S[HLQSTV]|TM|U[CILNRSTV])$/;

/** Reads the header of group 0002, which is always in explicit VR little endian (PS3.10, 7.1). */
function readHeader(bytes: Buffer, fileBytes: number, start: number): FileStart | null {
  let syntax: TransferSyntax | null = null;
  let at = start;
  while (true) {
    if (at + 12 > bytes.length) {
      if (bytes.length < fileBytes) throw new NeedsMoreBytes();
      throw new MalformedDataSet("broken", `it ends at byte ${fileBytes}, within its header`);
    }
    if (bytes.readUInt16LE(at) !== 0x0002) break;
    const element = bytes.readUInt16LE(at + 2);
    const isLong = /^(?:O[BDFLVW]|SQ|SV|U[CNRTV])$/.test(bytes.toString("latin1", at + 4, at + 6));
    const length = isLong ? bytes.readUInt32LE(at + 8) : bytes.readUInt16LE(at + 6);
    const value = at + (isLong ? 12 : 8);
    at = value + length;
    if (at > fileBytes) throw new MalformedDataSet("broken", `its header is longer than the file`);
    if (element === 0x0010 && at <= bytes.length)
      syntax = transferSyntaxOf(bytes.toString("latin1", value, at).replace(/[ \0]+$/, ""));
  }
  return syntax === null ? withoutHeader(bytes, fileBytes, at) : { syntax, dataSetAt: at };
}

/** Recognises a data set without a header by its first element, which is of group 0008. */
function withoutHeader(bytes: Buffer, fileBytes: number, at: number): FileStart | null {
  if (bytes.readUInt16LE(at) !== 0x0008) return null;
  if (explicitVr.test(bytes.toString("latin1", at + 4, at + 6)))
    return { syntax: plainExplicit, dataSetAt: at };
  const isPlausible = bytes.readUInt32LE(at + 4) <= fileBytes - at - 8;
  return isPlausible ? { syntax: implicitLittleEndian, dataSetAt: at } : null;
}
