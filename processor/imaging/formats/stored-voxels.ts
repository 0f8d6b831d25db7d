import { stat } from "node:fs/promises";
import { imageError } from "../errors.js";
import { ByteReader, isGzip } from "./byte-source.js";
import { bytesOf, type ElementType } from "./element-type.js";
import { decodeVoxelHex, decodeVoxelText, type VoxelText } from "./voxel-text.js";

/** The place and the encoding of a file's voxels, according to its header. */
export interface StoredVoxels {
  /** One or more files, in order, each with an equal share of the voxels. */
  readonly paths: readonly string[];
  /** Offset, in each file, of the voxels or of the lines and bytes to skip before them. */
  readonly start: number;
  readonly encoding: "raw" | "gzip" | "zlib" | "text" | "hex";
  /**
   * Bytes between `start` and the voxels, after inflation of compressed data. A negative number counts from the end: -1
   * if the voxels are the last bytes, -3 if two bytes follow them.
   */
  readonly skipBytes: number;
  /** The number of lines before the bytes to skip; 0 when absent. */
  readonly skipLines?: number;
  readonly fractions: VoxelText["fractions"];
}

/** Reads the bytes of `count` elements. Text becomes little-endian bytes. */
export async function readStoredVoxels(
  stored: StoredVoxels,
  { type, count }: { readonly type: ElementType; readonly count: number },
): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const path of stored.paths) {
    const start = stored.start + (await lengthOfLines(path, stored.start, stored.skipLines ?? 0));
    pieces.push(await readPiece({ ...stored, path, start, type, count: count / stored.paths.length }));
  }
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

interface Piece extends StoredVoxels {
  readonly path: string;
  readonly type: ElementType;
  readonly count: number;
}

async function readPiece(piece: Piece): Promise<Buffer> {
  const { path, start, encoding, type, count } = piece;
  if (encoding === "text" || encoding === "hex") return readText(piece);
  if (encoding === "gzip" && !(await isGzip(path, start)))
    throw imageError(
      "IMAGE_INVALID",
      `${path}: its voxels must be gzip data, but do not begin with the two bytes of gzip`,
    );
  const length = count * bytesOf(type);
  const compression = encoding === "raw" ? "none" : encoding;
  const offset = await offsetOf(piece, length);
  const reader = await ByteReader.open({ path, compression, start });
  try {
    const bytes = await reader.readData(offset, length);
    await reader.finish();
    return bytes;
  } finally {
    reader.destroy();
  }
}

async function offsetOf({ path, start, encoding, skipBytes }: Piece, length: number): Promise<number> {
  if (skipBytes >= 0) return skipBytes;
  const following = -1 - skipBytes;
  const available =
    encoding === "raw" ? (await stat(path)).size - start : await inflatedLength(path, start, encoding);
  const offset = available - following - length;
  if (offset >= 0) return offset;
  throw imageError(
    "IMAGE_TRUNCATED",
    `${path}: the header announces ${length} bytes of voxels${following > 0 ? ` and ${following} after them` : ""}, but the data has ${Math.max(0, available)}`,
  );
}

/**
 * Returns the length of the inflated data. It keeps none of the data, because more bytes may precede the voxels than
 * memory can hold.
 */
async function inflatedLength(path: string, start: number, encoding: Piece["encoding"]): Promise<number> {
  const reader = await ByteReader.open({
    path,
    compression: encoding === "gzip" ? "gzip" : "zlib",
    start,
  });
  try {
    let length = 0;
    for await (const chunk of reader.rest()) length += chunk.length;
    return length;
  } finally {
    reader.destroy();
  }
}

async function readText({
  path,
  start,
  encoding,
  skipBytes,
  type,
  count,
  fractions,
}: Piece): Promise<Buffer> {
  if (skipBytes < 0)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: byte skip is ${skipBytes}, but only raw and gzip voxels can be counted from the end`,
    );
  const reader = await ByteReader.open({ path, compression: "none", start: start + skipBytes });
  try {
    const least = encoding === "hex" ? 2 * count * bytesOf(type) : 2 * count - 1;
    if (least > reader.limit)
      throw imageError(
        "IMAGE_TRUNCATED",
        `${path}: the header announces ${count} voxels as text, which take at least ${least} bytes, but the file has ${reader.limit}`,
      );
    return encoding === "hex"
      ? await decodeVoxelHex(reader.rest(), { path, length: count * bytesOf(type) })
      : await decodeVoxelText(reader.rest(), { path, type, count, fractions });
  } finally {
    reader.destroy();
  }
}

/** Returns the length in bytes of the first lines. A line ends with LF, CR LF or CR, as in NrrdIO. */
async function lengthOfLines(path: string, start: number, lines: number): Promise<number> {
  if (lines === 0) return 0;
  const reader = await ByteReader.open({ path, compression: "none", start });
  try {
    let length = 0;
    let left = lines;
    let endsWithReturn = false;
    for await (const chunk of reader.rest()) {
      for (const code of chunk) {
        if (endsWithReturn && code !== lineFeed && left === 0) return length;
        if (!(endsWithReturn && code === lineFeed) && (code === lineFeed || code === carriageReturn)) left--;
        length++;
        endsWithReturn = code === carriageReturn;
        if (left === 0 && !endsWithReturn) return length;
      }
    }
    if (left === 0) return length;
    throw imageError("IMAGE_TRUNCATED", `${path}: it ends before the ${lines} lines to skip`);
  } finally {
    reader.destroy();
  }
}

const lineFeed = 10;
const carriageReturn = 13;
