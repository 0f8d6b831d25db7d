import { constants, gunzipSync } from "node:zlib";
import type { ProcessorError } from "../../../processor/contract/errors.js";
import { isNibabel } from "../../../processor/contract/reader-class.js";
import { openRegularFile, readTextFile } from "../../../processor/files/read-text-file.js";
import { openStream } from "../../../processor/imaging/formats/byte-stream.js";
import { type JsonValue, parseJson } from "../../checkpoint/parse-json.js";
import type { ImageReaderName } from "./image-reader.js";

/** A file of a case that cannot be read. */
export interface UnreadFile {
  /** What is wrong with it. */
  readonly text: string;
  /** The Python exception with which nnU-Net's reader ends. */
  readonly exception: string;
  /** True if this account may not read it; its bytes may be right. */
  readonly isClosed: boolean;
}

/** Returns what a failed reading means to nnU-Net's own reader, whose libraries have exceptions of their own. */
export async function unreadFile(
  reader: ImageReaderName,
  { path, isLabel }: { readonly path: string; readonly isLabel: boolean },
  error: ProcessorError,
): Promise<UnreadFile> {
  const start = await startOf(path);
  const tiff = () => tiffException(start, error.code === "IMAGE_TRUNCATED");
  const exceptionOf = async (): Promise<string> => {
    if (isNibabel(reader)) return nibabelException(path, start);
    if (reader === "Tiff3DIO")
      return tiff() ?? (error.code === "IMAGE_INVALID" ? spacingException(path, isLabel) : "RuntimeError");
    if (reader !== "NaturalImage2DIO") return "RuntimeError";
    return /\.tiff?$/i.test(path) ? (tiff() ?? "AssertionError") : pictureException(path, start);
  };
  const isClosed = (error.cause as NodeJS.ErrnoException | undefined)?.code === "EACCES";
  const exception = isClosed ? closedException(reader) : await exceptionOf();
  return { text: error.message, exception, isClosed };
}

/** ITK and nibabel do not say why they cannot open a file. */
function closedException(reader: ImageReaderName): string {
  if (isItk(reader)) return "RuntimeError";
  return isNibabel(reader) ? "ImageFileError" : "PermissionError";
}

const isItk = (reader: ImageReaderName): boolean => reader.startsWith("SimpleITKIO");

interface FileStart {
  readonly bytes: Buffer;
  readonly size: number;
}

const startBytes = 64 * 1024;

async function startOf(path: string): Promise<FileStart> {
  const file = await openRegularFile(path).catch(() => null);
  if (file === null) return { bytes: Buffer.alloc(0), size: 0 };
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(startBytes), position: 0 });
    return { bytes: buffer.subarray(0, bytesRead), size };
  } finally {
    await file.close();
  }
}

/** nibabel looks at this many bytes, inflated, to find out what a file is. */
const sniffedBytes = 1024;

function nibabelException(path: string, { bytes }: FileStart): string {
  if (!/\.gz$/i.test(path) || bytes[0] !== 0x1f || bytes[1] !== 0x8b)
    return bytes.length >= 352 && bytes.readInt32LE(0) === 348 ? "OSError" : "ImageFileError";
  try {
    const inflated = gunzipSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH });
    return inflated.length < sniffedBytes ? "ImageFileError" : "EOFError";
  } catch {
    return "ImageFileError";
  }
}

/** Returns tifffile's exception for a file that is cut off or no TIFF file; null for one with a whole first directory. */
function tiffException({ bytes, size }: FileStart, isTruncated: boolean): string | null {
  const order = bytes.toString("latin1", 0, 2);
  if (bytes.length < 4 || !["II", "MM"].includes(order)) return "TiffFileError";
  const isLittle = order === "II";
  const uint16 = (at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  if (![42, 43].includes(uint16(2))) return "TiffFileError";
  if (bytes.length < 8) return "error";
  if (uint16(2) === 43) return null;
  const directory = isLittle ? bytes.readUInt32LE(4) : bytes.readUInt32BE(4);
  if (directory + 2 > size) return "TiffFileError";
  if (directory + 2 > bytes.length) return null;
  const count = uint16(directory);
  if (directory + 2 + 12 * count + 4 > size) return "TiffFileError";
  return isTruncated ? "ValueError" : null;
}

const pngSignature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

/** Pillow's exceptions: one if no plugin knows the file, one for a broken header, one for broken pixels. */
function pictureException(path: string, { bytes }: FileStart): string {
  const isPng = /\.png$/i.test(path);
  const signature = isPng ? pngSignature : Buffer.from("BM");
  if (!bytes.subarray(0, signature.length).equals(signature)) return "RuntimeError";
  return bytes.length < (isPng ? 33 : 18) ? "SyntaxError" : "OSError";
}

/** Tiff3DIO's exceptions for the file with the spacing; for one that is right, a RuntimeError: the image has not three axes. */
async function spacingException(path: string, isLabel: boolean): Promise<string> {
  const text = await readTextFile(
    path.replace(isLabel ? /\.[^.]+$/ : /.{5}\.[^.]+$/, ".json"),
    startBytes,
  ).catch(() => null);
  if (text === null) return "RuntimeError";
  let value: JsonValue;
  try {
    value = parseJson(text);
  } catch {
    return "JSONDecodeError";
  }
  if (!(value instanceof Map)) return "TypeError";
  const spacing = value.get("spacing") as JsonValue | undefined;
  if (spacing === undefined) return "KeyError";
  if (!Array.isArray(spacing)) return "TypeError";
  return spacing.length === 3 && spacing.some((length) => typeof length !== "number")
    ? "TypeError"
    : "AssertionError";
}

/** Returns whether ITK or nibabel would read a compressed file in spite of its end, with 0 for what is missing. */
export async function readsCutFile(reader: ImageReaderName, path: string): Promise<boolean> {
  if (isItk(reader)) return /\.(?:nii|gipl)(?:\.gz)?$/i.test(path);
  if (!isNibabel(reader) || !/\.gz$/i.test(path)) return false;
  // nibabel needs every voxel, but not the checksum behind them.
  const stream = await openStream({ path, compression: "gzip", fillsMissing: true }).catch(() => null);
  if (stream === null) return false;
  const { chunks, close } = stream;
  try {
    let start = Buffer.alloc(0);
    let inflatedBytes = 0;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) {
      inflatedBytes += next.value.length;
      if (start.length < sniffedBytes) start = Buffer.concat([start, next.value.subarray(0, sniffedBytes)]);
      if (start.length >= sniffedBytes && inflatedBytes >= niftiBytes(start)) return true;
    }
    return false;
  } catch {
    return false;
  } finally {
    close();
  }
}

/** Returns how many bytes a NIfTI file has up to its last voxel; infinity for one that is not in little-endian order. */
function niftiBytes(start: Buffer): number {
  if (start.readInt32LE(0) !== 348) return Number.POSITIVE_INFINITY;
  let voxelBytes = start.readInt16LE(72) / 8;
  const axes = start.readInt16LE(40);
  for (let axis = 1; axis <= Math.min(7, axes); axis++) voxelBytes *= start.readInt16LE(40 + 2 * axis);
  return Math.max(352, start.readFloatLE(108)) + voxelBytes;
}
