import { stat } from "node:fs/promises";
import { ProcessorError } from "../errors.js";
import type { Xyz, Zyx } from "../volume/axes.js";
import { type Direction, type Geometry, identityDirection } from "../volume/geometry.js";
import type { Image } from "../volume/image.js";
import { ByteReader } from "./byte-source.js";
import { checkSizes } from "./check-sizes.js";
import { bytesOf, decodeElements, type ElementType, separateComponents } from "./element-type.js";

const types: Readonly<Record<string, ElementType>> = {
  "signed char": "int8",
  int8: "int8",
  int8_t: "int8",
  uchar: "uint8",
  "unsigned char": "uint8",
  uint8: "uint8",
  uint8_t: "uint8",
  short: "int16",
  "short int": "int16",
  "signed short": "int16",
  int16: "int16",
  int16_t: "int16",
  ushort: "uint16",
  "unsigned short": "uint16",
  uint16: "uint16",
  uint16_t: "uint16",
  int: "int32",
  "signed int": "int32",
  int32: "int32",
  int32_t: "int32",
  uint: "uint32",
  uint32: "uint32",
  uint32_t: "uint32",
  "signed short int": "int16",
  "unsigned short int": "uint16",
  "unsigned int": "uint32",
  longlong: "int64",
  "long long int": "int64",
  "signed long long": "int64",
  "signed long long int": "int64",
  "long long": "int64",
  int64: "int64",
  int64_t: "int64",
  ulonglong: "uint64",
  "unsigned long long": "uint64",
  "unsigned long long int": "uint64",
  uint64: "uint64",
  uint64_t: "uint64",
  float: "float32",
  double: "float64",
};

const longestHeader = 1 << 16;

/** Reads `.nrrd` with its voxels in the same file, raw or gzip. */
export async function readNrrd(path: string): Promise<Image> {
  const headerReader = await ByteReader.open({ path, compression: "none" });
  const start = await headerReader.peek(longestHeader);
  headerReader.destroy();
  const { fields, length: headerLength } = parseFields(path, start);
  const type = types[fields.get("type") ?? ""];
  if (type === undefined)
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: type ${fields.get("type")}`);
  if (fields.has("data file") || fields.has("datafile")) {
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: voxels in another file (${fields.get("data file") ?? fields.get("datafile")})`,
    );
  }
  const sizes = (fields.get("sizes") ?? "").split(/\s+/).map(Number);
  checkSizes(path, sizes, bytesOf(type));
  const layout = axisLayout(path, fields, sizes);
  const count = sizes.reduce((product, size) => product * size, 1);
  const length = count * bytesOf(type);
  const compression = compressionOf(path, fields);
  if (Number(fields.get("line skip") ?? 0) !== 0)
    throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: line skip ${fields.get("line skip")}`);
  const byteSkip = Number(fields.get("byte skip") ?? 0);
  // -1 says that the voxels are the end of the file.
  const isAtEnd = byteSkip === -1 && compression === "none";
  const voxelsStart = isAtEnd ? Math.max(headerLength, (await stat(path)).size - length) : headerLength;
  const reader = await ByteReader.open({ path, compression, start: voxelsStart });
  try {
    const bytes = await reader.readData(isAtEnd ? 0 : byteSkip, length);
    await reader.finish();
    const voxels = decodeElements(bytes, type, fields.get("endian")?.toLowerCase() === "big");
    return {
      voxels: layout.componentsFirst ? separateComponents(voxels, layout.components) : voxels,
      components: layout.components,
      geometry: geometryOf(path, fields, layout),
      source: { path, format: "nrrd", fields: Object.fromEntries(fields) },
    };
  } finally {
    reader.destroy();
  }
}

type Fields = ReadonlyMap<string, string>;

function parseFields(path: string, bytes: Buffer): { readonly fields: Fields; readonly length: number } {
  if (bytes.toString("latin1", 0, 7) !== "NRRD000")
    throw new ProcessorError("IMAGE_INVALID", `${path}: no NRRD header`);
  const fields = new Map<string, string>();
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(0x0a, at);
    if (end < 0) break;
    const line = bytes.toString("latin1", at, end).replace(/\r$/, "");
    at = end + 1;
    if (line === "") return { fields, length: at };
    if (line.startsWith("#") || line.startsWith("NRRD")) continue;
    const match = /^([^:]+):=?\s*(.*)$/.exec(line);
    if (match !== null) fields.set(match[1]!.trim().toLowerCase(), match[2]!.trim());
  }
  throw new ProcessorError("IMAGE_TRUNCATED", `${path}: the NRRD header does not end`);
}

function compressionOf(path: string, fields: Fields): "none" | "gzip" {
  const encoding = fields.get("encoding")?.toLowerCase() ?? "raw";
  if (encoding === "raw") return "none";
  if (encoding === "gzip" || encoding === "gz") return "gzip";
  throw new ProcessorError("IMAGE_UNSUPPORTED", `${path}: encoding ${encoding}; raw and gzip are read`);
}

interface Layout {
  readonly components: number;
  /** Components fastest (a vector image), or slowest (a list of volumes). */
  readonly componentsFirst: boolean;
  /** Sizes and directions of the spatial axes, x first. */
  readonly sizes: readonly number[];
  readonly directions: readonly (readonly number[])[] | null;
  /** Of the spatial axes; NaN where a file does not say. */
  readonly spacings: readonly number[];
}

function axisLayout(path: string, fields: Fields, sizes: readonly number[]): Layout {
  const directions = fields
    .get("space directions")
    ?.match(/none|\([^)]*\)/g)
    ?.map((vector) => (vector === "none" ? null : vectorOf(vector)));
  const kinds = fields.get("kinds")?.toLowerCase().split(/\s+/);
  const spatial = sizes.map((_, axis) => {
    // A fourth axis of space is time: its volumes are components.
    if (directions !== undefined)
      return directions[axis] !== null && (axis < 3 || directions.slice(0, 3).includes(null));
    return kinds === undefined ? axis < 3 : spatialKinds.includes(kinds[axis] ?? "");
  });
  const spatialSizes = sizes.filter((_, axis) => spatial[axis]);
  if (spatialSizes.length < 2 || spatialSizes.length > 3 || sizes.length - spatialSizes.length > 1) {
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: axes ${sizes.join(" × ")} of kinds ${fields.get("kinds") ?? "unknown"}`,
    );
  }
  const other = spatial.indexOf(false);
  return {
    components: other < 0 ? 1 : sizes[other]!,
    componentsFirst: other === 0,
    sizes: spatialSizes,
    directions:
      directions?.filter(
        (vector, axis): vector is readonly number[] => vector !== null && spatial[axis] === true,
      ) ?? null,
    spacings: (fields.get("spacings") ?? "")
      .split(/\s+/)
      .map(Number)
      .filter((_, axis) => spatial[axis]),
  };
}

const spatialKinds: readonly string[] = ["domain", "space"];

const vectorOf = (text: string): readonly number[] => text.replace(/[()]/g, "").split(",").map(Number);

/** Signs that turn the file's space into LPS. */
function signsOf(space: string): Xyz {
  const name = space.toLowerCase();
  if (name === "right-anterior-superior" || name === "ras") return [-1, -1, 1];
  if (name === "left-anterior-superior" || name === "las") return [1, -1, 1];
  return [1, 1, 1];
}

function geometryOf(path: string, fields: Fields, { sizes, directions, spacings }: Layout): Geometry {
  const [x = 1, y = 1, z = 1] = sizes;
  const dimensions = sizes.length === 2 ? 2 : 3;
  const signs = signsOf(fields.get("space") ?? "");
  const vectors = (directions ?? []).map((vector) =>
    vector.map((part, axis) => part * signs[axis as 0 | 1 | 2] || 0),
  );
  const lengths = vectors.map((vector) => Math.sqrt(vector.reduce((sum, part) => sum + part * part, 0)));
  const spacing = (axis: number): number =>
    lengths[axis] || (Number.isFinite(spacings[axis]) && Math.abs(spacings[axis]!)) || 1;
  const origin = vectorOf(fields.get("space origin") ?? "(0,0,0)").map(
    (part, axis) => part * signs[axis as 0 | 1 | 2] || 0,
  );
  if ([...lengths, ...origin].some((value) => !Number.isFinite(value))) {
    throw new ProcessorError("IMAGE_INVALID", `${path}: space directions ${fields.get("space directions")}`);
  }
  const unit = (axis: number, row: number): number =>
    axis < dimensions && row < dimensions
      ? vectors[axis]![row]! / (lengths[axis] || 1)
      : axis === row
        ? 1
        : 0;
  const isOriented = vectors.length === dimensions && vectors.every(({ length }) => length >= dimensions);
  return {
    sizeZyx: [z, y, x] as Zyx,
    spacingMmZyx: [
      dimensions === 2 ? 999 * Math.max(spacing(0), spacing(1)) : spacing(2),
      spacing(1),
      spacing(0),
    ],
    originMmXyz: [origin[0] ?? 0, origin[1] ?? 0, origin[2] ?? 0],
    directionXyz: isOriented
      ? ([0, 1, 2].flatMap((row) => [0, 1, 2].map((axis) => unit(axis, row))) as unknown as Direction)
      : identityDirection,
    dimensions,
  };
}
