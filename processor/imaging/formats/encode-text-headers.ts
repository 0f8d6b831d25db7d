import type { Geometry } from "../volume/geometry.js";
import type { HeaderFieldsSource, ImageSource } from "../volume/image.js";
import type { ElementType } from "./element-type.js";

const metaTypes: Readonly<Record<ElementType, string>> = {
  int8: "MET_CHAR",
  uint8: "MET_UCHAR",
  int16: "MET_SHORT",
  uint16: "MET_USHORT",
  int32: "MET_INT",
  uint32: "MET_UINT",
  int64: "MET_LONG_LONG",
  uint64: "MET_ULONG_LONG",
  float32: "MET_FLOAT",
  float64: "MET_DOUBLE",
};

const nrrdTypes: Readonly<Record<ElementType, string>> = {
  int8: "int8",
  uint8: "uint8",
  int16: "int16",
  uint16: "uint16",
  int32: "int32",
  uint32: "uint32",
  int64: "int64",
  uint64: "uint64",
  float32: "float",
  float64: "double",
};

interface TextHeader {
  readonly geometry: Geometry;
  readonly type: ElementType;
  readonly source: ImageSource;
  /** The length of the compressed voxels. */
  readonly dataBytes: number;
}

/** JavaScript writes the shortest digits that are read as the same double again, so nothing is lost. */
const words = (values: readonly number[]): string => values.map((value) => `${value}`).join(" ");

/**
 * Returns the header of a compressed `.mha`. The geometry fields of a MetaImage input are kept as they were written.
 */
export function metaimageHeader({ geometry, type, source, dataBytes }: TextHeader): Buffer {
  const [z, y, x] = geometry.sizeZyx;
  const [sz, sy, sx] = geometry.spacingMmZyx;
  const d = geometry.directionXyz;
  const isFlat = geometry.dimensions === 2;
  // A 4-D file's fields have too many numbers for one volume.
  const own = source.format === "metaimage" ? source.fields : {};
  const isSameRank = own["NDims"] === (isFlat ? "2" : "3");
  // The direction already contains the sign of a negative spacing.
  const isTurned = own["ElementSpacing"]?.includes("-") === true;
  const kept = isSameRank && !isTurned ? own : {};
  const matrix = isFlat ? [d[0], d[3], d[1], d[4]] : [d[0], d[3], d[6], d[1], d[4], d[7], d[2], d[5], d[8]];
  const origin = geometry.originMmXyz;
  const lines: readonly (readonly [string, string])[] = [
    ["ObjectType", "Image"],
    ["NDims", isFlat ? "2" : "3"],
    ["BinaryData", "True"],
    ["BinaryDataByteOrderMSB", "False"],
    ["CompressedData", "True"],
    ["CompressedDataSize", `${dataBytes}`],
    ["TransformMatrix", kept["TransformMatrix"] ?? words(matrix)],
    ["Offset", kept["Offset"] ?? words(isFlat ? origin.slice(0, 2) : origin)],
    ["CenterOfRotation", isFlat ? "0 0" : "0 0 0"],
    ["ElementSpacing", kept["ElementSpacing"] ?? words(isFlat ? [sx, sy] : [sx, sy, sz])],
    ["DimSize", words(isFlat ? [x, y] : [x, y, z])],
    ["ElementType", metaTypes[type]],
    ["ElementDataFile", "LOCAL"],
  ];
  return Buffer.from(lines.map(([key, value]) => `${key} = ${value}\n`).join(""), "latin1");
}

/** Returns the header of a gzip `.nrrd`. The space of an NRRD input is kept as it was written. */
export function nrrdHeader({ geometry, type, source }: TextHeader): Buffer {
  const [z, y, x] = geometry.sizeZyx;
  const [sz, sy, sx] = geometry.spacingMmZyx;
  const d = geometry.directionXyz;
  const isFlat = geometry.dimensions === 2;
  const kept = source.format === "nrrd" ? spatialFields(source, isFlat ? 2 : 3) : null;
  const vector = (axis: number, spacing: number) =>
    `(${[d[axis]!, d[3 + axis]!, d[6 + axis]!]
      .slice(0, isFlat ? 2 : 3)
      .map((part) => part * spacing || 0)
      .join(",")})`;
  const lines = [
    "NRRD0004",
    `type: ${nrrdTypes[type]}`,
    `dimension: ${isFlat ? 2 : 3}`,
    ...(isFlat
      ? [
          kept === null ? "space dimension: 2" : kept.space,
          `sizes: ${x} ${y}`,
          `space directions: ${kept?.directions ?? `${vector(0, sx)} ${vector(1, sy)}`}`,
          "kinds: domain domain",
        ]
      : [
          kept?.space ?? "space: left-posterior-superior",
          `sizes: ${x} ${y} ${z}`,
          `space directions: ${kept?.directions ?? [vector(0, sx), vector(1, sy), vector(2, sz)].join(" ")}`,
          "kinds: domain domain domain",
        ]),
    ...(type === "uint8" || type === "int8" ? [] : ["endian: little"]),
    "encoding: gzip",
    `space origin: ${kept?.origin ?? `(${geometry.originMmXyz.slice(0, isFlat ? 2 : 3).join(",")})`}`,
  ];
  return Buffer.from(`${lines.join("\n")}\n\n`, "latin1");
}

/** Returns the space fields of an NRRD input; null if it does not place every axis in space. */
function spatialFields({ fields }: HeaderFieldsSource, dimensions: 2 | 3) {
  const directions = fields["space directions"];
  if (directions?.split(" ").length !== dimensions) return null;
  const space = fields["space"];
  return {
    space:
      space === undefined ? `space dimension: ${fields["space dimension"] ?? dimensions}` : `space: ${space}`,
    directions,
    origin: fields["space origin"] ?? `(${new Array(dimensions).fill(0).join(",")})`,
  };
}
