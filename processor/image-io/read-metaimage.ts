import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ProcessorError } from "../errors.js";
import type { Xyz, Zyx } from "../volume/axes.js";
import type { Direction, Geometry } from "../volume/geometry.js";
import type { Image } from "../volume/image.js";
import { ByteReader } from "./byte-source.js";
import { checkSizes } from "./check-sizes.js";
import { bytesOf, decodeElements, type ElementType, separateComponents } from "./element-type.js";

const types: Readonly<Record<string, ElementType>> = {
  MET_CHAR: "int8",
  MET_UCHAR: "uint8",
  MET_SHORT: "int16",
  MET_USHORT: "uint16",
  MET_INT: "int32",
  MET_UINT: "uint32",
  MET_LONG: "int32",
  MET_ULONG: "uint32",
  MET_LONG_LONG: "int64",
  MET_ULONG_LONG: "uint64",
  MET_FLOAT: "float32",
  MET_DOUBLE: "float64",
};

/** A header longer than this is no header. */
const longestHeader = 1 << 16;

/** Reads `.mha`, and `.mhd` with its data file in the same folder. */
export async function readMetaimage(path: string): Promise<Image> {
  const headerReader = await ByteReader.open({ path, compression: "none" });
  const start = await headerReader.peek(longestHeader);
  headerReader.destroy();
  const { fields, length: headerLength } = parseFields(path, start);
  if (fields.get("BinaryData")?.toLowerCase() === "false")
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: voxels written as text (BinaryData = False)`);
  const type = types[fields.get("ElementType") ?? ""];
  if (type === undefined)
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: ElementType ${fields.get("ElementType")}`);
  const sizes = numbers(path, fields, ["DimSize"]);
  const components = Number(fields.get("ElementNumberOfChannels") ?? 1);
  checkSizes(path, [...sizes, components], bytesOf(type));
  if (sizes.length < 2 || sizes.length > 4) {
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${sizes.length} dimensions (${sizes.join(" × ")})`,
    );
  }
  const count = sizes.reduce((product, size) => product * size, components);
  const bytes = await readVoxels(path, fields, { headerLength, length: count * bytesOf(type) });
  const voxels = decodeElements(
    bytes,
    type,
    isTrue(fields, "ElementByteOrderMSB") || isTrue(fields, "BinaryDataByteOrderMSB"),
  );
  const [x = 1, y = 1, z = 1, frames = 1] = sizes;
  return {
    voxels: separateComponents(voxels, components),
    components: components * frames,
    geometry: geometryOf(path, fields, [z, y, x]),
    source: { path, format: "metaimage", fields: Object.fromEntries(fields) },
  };
}

type Fields = ReadonlyMap<string, string>;

function parseFields(path: string, bytes: Buffer): { readonly fields: Fields; readonly length: number } {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    const line = bytes.toString("latin1", at, end < 0 ? bytes.length : end).trim();
    at = end < 0 ? bytes.length : end + 1;
    const equals = line.indexOf("=");
    if (equals < 0) {
      if (line === "") continue;
      break;
    }
    const key = line.slice(0, equals).trim();
    fields.set(key, line.slice(equals + 1).trim());
    // It is the last field by definition: voxels may follow.
    if (key === "ElementDataFile") return { fields, length: at };
  }
  throw new ProcessorError("IMAGE_INVALID", `${path}: no MetaImage header (ElementDataFile is missing)`);
}

interface Voxels {
  readonly headerLength: number;
  readonly length: number;
}

async function readVoxels(path: string, fields: Fields, { headerLength, length }: Voxels): Promise<Buffer> {
  const dataFile = fields.get("ElementDataFile")!;
  const isLocal = dataFile.toUpperCase() === "LOCAL";
  if (
    !isLocal &&
    (dataFile !== basename(dataFile) || dataFile.startsWith("LIST") || dataFile.includes("%"))
  ) {
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: ElementDataFile ${dataFile}; one file in the same folder is read`,
    );
  }
  const compression = isTrue(fields, "CompressedData") ? "zlib" : "none";
  const dataPath = isLocal ? path : join(dirname(path), dataFile);
  const start = await voxelsStart(dataPath, fields, { headerLength: isLocal ? headerLength : 0, length });
  const reader = await ByteReader.open({ path: dataPath, compression, start });
  try {
    const bytes = await reader.readData(0, length);
    await reader.finish();
    return bytes;
  } finally {
    reader.destroy();
  }
}

/** HeaderSize is what stands before the voxels; -1 says that they are the end of the file. */
async function voxelsStart(path: string, fields: Fields, { headerLength, length }: Voxels): Promise<number> {
  const text = fields.get("HeaderSize");
  if (text === undefined || text === "0") return headerLength;
  const size = Number(text);
  if (size === -1 && !isTrue(fields, "CompressedData")) {
    const info = await stat(path).catch(() => null);
    // A missing file is named, and a short one refused, when it is read.
    return Math.max(headerLength, (info?.size ?? 0) - length);
  }
  if (!Number.isSafeInteger(size) || size < 0)
    throw new ProcessorError("IMAGE_INVALID", `${path}: HeaderSize is ${text}`);
  return Math.max(headerLength, size);
}

const isTrue = (fields: Fields, key: string): boolean => fields.get(key)?.toLowerCase() === "true";

function numbers(path: string, fields: Fields, keys: readonly string[]): number[] {
  const text = keys.map((key) => fields.get(key)).find((value) => value !== undefined);
  const values = (text ?? "")
    .split(/\s+/)
    .filter((word) => word !== "")
    .map(Number);
  if (values.some((value) => !Number.isFinite(value))) {
    throw new ProcessorError("IMAGE_INVALID", `${path}: ${keys[0]} is ${text}`);
  }
  return values;
}

function geometryOf(path: string, fields: Fields, sizeZyx: Zyx): Geometry {
  const rank = Number(fields.get("NDims") ?? 3);
  const signed = numbers(path, fields, ["ElementSpacing", "ElementSize"]);
  if (signed.includes(0))
    throw new ProcessorError("IMAGE_INVALID", `${path}: ElementSpacing is ${signed.join(" ")}`);
  const spacing = signed.map(Math.abs);
  const origin = numbers(path, fields, ["Offset", "Position", "Origin"]);
  const matrix = numbers(path, fields, ["TransformMatrix", "Rotation", "Orientation"]);
  if (rank === 2) {
    const [sx = 1, sy = 1] = spacing;
    return {
      sizeZyx,
      spacingMmZyx: [999 * Math.max(sx, sy), sy, sx],
      originMmXyz: [origin[0] ?? 0, origin[1] ?? 0, 0],
      directionXyz: directionOf(path, matrix, { rank, spacing: signed }),
      dimensions: 2,
    };
  }
  const [sx = 1, sy = 1, sz = 1] = spacing;
  return {
    sizeZyx,
    spacingMmZyx: [sz, sy, sx],
    originMmXyz: [origin[0] ?? 0, origin[1] ?? 0, origin[2] ?? 0] as Xyz,
    directionXyz: directionOf(path, matrix, { rank, spacing: signed }),
    dimensions: 3,
  };
}

/** TransformMatrix holds one axis after the other; ITK's direction has them as columns, turned by a negative spacing. */
function directionOf(
  path: string,
  matrix: readonly number[],
  { rank, spacing }: { readonly rank: number; readonly spacing: readonly number[] },
): Direction {
  if (matrix.length !== 0 && matrix.length !== rank * rank)
    throw new ProcessorError("IMAGE_INVALID", `${path}: TransformMatrix has ${matrix.length} numbers`);
  const sign = (column: number) => (spacing[column]! < 0 ? -1 : 1);
  const identity = (row: number, column: number) => (row === column ? 1 : 0);
  const at = (row: number, column: number) =>
    row < rank && column < rank
      ? (matrix[column * rank + row] ?? identity(row, column)) * sign(column) || 0
      : identity(row, column);
  const axes = [0, 1, 2].map((column) => [at(0, column), at(1, column), at(2, column)] as const);
  if (axes.some((axis) => axis.every((part) => part === 0)))
    throw new ProcessorError("IMAGE_INVALID", `${path}: TransformMatrix is ${matrix.join(" ")}`);
  const [i, j, k] = axes;
  return [i![0], j![0], k![0], i![1], j![1], k![1], i![2], j![2], k![2]];
}
