import { basename, extname } from "node:path";
import { ProcessorError } from "../../contract/errors.js";
import { type ByteReader, firstBytes, readerOfBytes, withFileBytes } from "./byte-reader.js";
import type { DataSet } from "./data-set.js";
import { numberOf, uint16Of } from "./element-values.js";
import { dicomError } from "./errors.js";
import { type Fragment, type Fragments, listFragments } from "./fragments.js";
import { inflateDataSet } from "./inflate-data-set.js";
import { ParsedDataSet } from "./parsed-data-set.js";
import { type FileStart, recogniseFile } from "./recognise-file.js";
import {
  MalformedDataSet,
  NeedsMoreBytes,
  type PixelDataPlace,
  type ScannedElements,
  scanElements,
} from "./scan-elements.js";
import { tags } from "./tags.js";
import type { TransferSyntax } from "./transfer-syntaxes.js";

/** A DICOM file, with everything but its pixels. */
export interface DicomFile {
  readonly path: string;
  /** The name for messages, without folders, which may hold a patient's name. */
  readonly name: string;
  readonly syntax: TransferSyntax;
  readonly dataSet: DataSet;
  /** Null if the file has no pixels. */
  readonly pixels: FilePixels | null;
  /** The part of the file that is deflated; null for other files. */
  readonly deflated: DeflatedPart | null;
}

export interface DeflatedPart extends Fragment {
  readonly inflatedBytes: number;
}

/** The place of a file's pixels. For a deflated file, offsets count from the beginning of the inflated data set. */
export interface FilePixels {
  readonly tag: number;
  readonly vr: string;
  readonly at: number;
  readonly length: number;
  /** The fragments of compressed pixels; null for others. */
  readonly encapsulated: Fragments | null;
}

/** The most bytes of elements other than the pixels. */
const mostBytes = 64 << 20;

/**
 * Reads a DICOM file except its pixels, and checks that it is complete. Returns null for a file that is not DICOM.
 *
 * @throws DICOM_BROKEN_FILE, DICOM_TOO_DEEP, DICOM_TOO_LARGE
 */
export async function readDicomFile(path: string): Promise<DicomFile | null> {
  const name = basename(path);
  try {
    return await withFileBytes(path, async (reader) => {
      if (reader.size === 0 && !name.startsWith(".")) throw new MalformedDataSet("broken", "it is empty");
      return parseFile(reader, { path, name });
    });
  } catch (error) {
    if (error instanceof MalformedDataSet)
      throw dicomError(codes[error.problem], `${name}: ${error.message}`, { cause: error });
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || error instanceof ProcessorError) throw error;
    throw dicomError("DICOM_BROKEN_FILE", `${name}: it can't be read (${code})`, { cause: error });
  }
}

const codes = {
  broken: "DICOM_BROKEN_FILE",
  "too-deep": "DICOM_TOO_DEEP",
  "too-large": "DICOM_TOO_LARGE",
} as const;

/** The endings of names that promise a DICOM file. */
export const dicomEndings = [".dcm", ".ima", ".dicom"];

async function parseFile(
  reader: ByteReader,
  { path, name }: Pick<DicomFile, "path" | "name">,
): Promise<DicomFile | null> {
  const start = withEnoughBytes(reader, (bytes) => recogniseFile(bytes, reader.size));
  if (start === null) {
    if (dicomEndings.includes(extname(name).toLowerCase()))
      throw new MalformedDataSet("broken", "it is not DICOM, although its name ends as if it were");
    return null;
  }
  const { syntax } = start;
  if (syntax.isDeflated) {
    const inflated = await inflate(reader, start);
    const { dataSetAt: at } = start;
    const deflated = { at, length: reader.size - at, inflatedBytes: inflated.length };
    return { path, name, syntax, deflated, ...parseDataSet(readerOfBytes(inflated), syntax, 0) };
  }
  return { path, name, syntax, deflated: null, ...parseDataSet(reader, syntax, start.dataSetAt) };
}

/** Runs a parser over the beginning of the file, and again over four times as much while that is too little. */
function withEnoughBytes<T>(reader: ByteReader, parse: (bytes: Buffer) => T): T {
  for (let length = firstBytes; ; length *= 4) {
    try {
      return parse(reader.read(0, Math.min(reader.size, length)));
    } catch (error) {
      if (!(error instanceof NeedsMoreBytes)) throw error;
      if (length >= mostBytes)
        throw new MalformedDataSet("too-large", `it has more than ${mostBytes} bytes besides its pixels`);
    }
  }
}

function parseDataSet(
  reader: ByteReader,
  syntax: TransferSyntax,
  from: number,
): Pick<DicomFile, "dataSet" | "pixels"> {
  const scan = (bytes: Buffer): { readonly bytes: Buffer; readonly scanned: ScannedElements } => ({
    bytes,
    scanned: scanElements({ bytes, encoding: syntax, from, end: reader.size, fileBytes: reader.size }),
  });
  const { bytes, scanned } = withEnoughBytes(reader, scan);
  const dataSet = new ParsedDataSet({
    // A copy, so that the larger buffer with the beginning of the pixels can be freed.
    bytes: Buffer.from(bytes.subarray(0, scanned.end)),
    encoding: syntax,
    elements: scanned.elements,
    outerCharacterSets: [],
  });
  const { pixelData } = scanned;
  if (pixelData === null) return { dataSet, pixels: null };
  const pixels = placeOfPixels(reader, pixelData);
  checkRest(reader, syntax, pixels.encapsulated?.end ?? pixels.at + pixels.length);
  return { dataSet, pixels };
}

function placeOfPixels(reader: ByteReader, { tag, vr, at, length }: PixelDataPlace): FilePixels {
  if (length !== null) return { tag, vr, at, length, encapsulated: null };
  const encapsulated = listFragments(reader, at);
  return { tag, vr, at, length: encapsulated.end - at, encapsulated };
}

/** Checks the elements after the pixels, so that a file that was cut there is noticed. Zeros fill up a block. */
function checkRest(reader: ByteReader, syntax: TransferSyntax, from: number): void {
  const length = reader.size - from;
  if (length > mostBytes)
    throw new MalformedDataSet("too-large", `it has more than ${mostBytes} bytes besides its pixels`);
  if (length === 0) return;
  const bytes = reader.read(from, length);
  if (bytes.every((byte) => byte === 0)) return;
  scanElements({ bytes, encoding: syntax, from: 0, end: length, fileBytes: length });
}

async function inflate(reader: ByteReader, { syntax, dataSetAt }: FileStart): Promise<Buffer> {
  if (reader.size > largestDeflated)
    throw new MalformedDataSet("too-large", `it has more than ${largestDeflated} deflated bytes`);
  return inflateDataSet(reader.read(dataSetAt, reader.size - dataSetAt), (beginning) => {
    try {
      const { elements, pixelData, end } = scanElements({
        bytes: beginning,
        encoding: syntax,
        from: 0,
        end: Number.MAX_SAFE_INTEGER,
        fileBytes: Number.MAX_SAFE_INTEGER,
      });
      if (pixelData === null) return null;
      const header = new ParsedDataSet({
        bytes: beginning,
        encoding: syntax,
        elements,
        outerCharacterSets: [],
      });
      return end + nativeBytes(header) + slackBytes;
    } catch (error) {
      if (error instanceof NeedsMoreBytes) return null;
      throw error;
    }
  });
}

const largestDeflated = 1 << 30;
/** What an inflated data set may have after its pixels. */
const slackBytes = 16 << 20;

/** Returns the bytes that uncompressed pixels take, as the header announces them. */
export function nativeBytes(dataSet: DataSet): number {
  const numberAt = (tag: number, missing: number): number => uint16Of(dataSet, tag) ?? missing;
  const pixels =
    numberAt(tags.Rows, 0) * numberAt(tags.Columns, 0) * (numberOf(dataSet, tags.NumberOfFrames) ?? 1);
  return (pixels * numberAt(tags.BitsAllocated, 0) * numberAt(tags.SamplesPerPixel, 1)) / 8;
}
