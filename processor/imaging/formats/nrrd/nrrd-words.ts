import type { ElementType } from "../element-type.js";
import type { StoredVoxels } from "../stored-voxels.js";

/** A space of the NRRD format, with its full name. */
export interface NrrdSpace {
  readonly name: string;
  readonly dimension: 3 | 4;
}

/** The meaning of an axis. */
export interface NrrdKind {
  readonly name: string;
  /** True for an axis of the image, false for an axis with the values of a voxel. */
  readonly isDomain: boolean;
  /** The size that the axis must have; null if it may have any size. */
  readonly size: number | null;
}

/** Names in lower case, because NrrdIO compares them without regard to case. */
export const spaces: ReadonlyMap<string, NrrdSpace> = new Map(
  (
    [
      ["right-anterior-superior", "RAS", 3],
      ["left-anterior-superior", "LAS", 3],
      ["left-posterior-superior", "LPS", 3],
      ["right-anterior-superior-time", "RAST", 4],
      ["left-anterior-superior-time", "LAST", 4],
      ["left-posterior-superior-time", "LPST", 4],
      ["scanner-xyz", null, 3],
      ["scanner-xyz-time", "scanner-xyzt", 4],
      ["3D-right-handed", null, 3],
      ["3D-left-handed", null, 3],
      ["3D-right-handed-time", null, 4],
      ["3D-left-handed-time", null, 4],
    ] as const
  ).flatMap(([name, short, dimension]) => {
    const withoutHyphens = name.startsWith("scanner")
      ? []
      : [name.replaceAll("-", " "), name.replaceAll("-", "")];
    return [name, ...withoutHyphens, ...(short === null ? [] : [short])].map(
      (spelling) => [spelling.toLowerCase(), { name, dimension }] as const,
    );
  }),
);

const domain = ["domain", "space", "time"];

/** Spellings of each kind of axis, the usual one first, and the size that it requires. */
const kindSpellings: readonly (readonly [spellings: readonly string[], size: number | null])[] = [
  [["domain"], null],
  [["space"], null],
  [["time"], null],
  [["list"], null],
  [["point"], null],
  [["vector", "contravariant-vector"], null],
  [["covariant-vector"], null],
  [["normal"], null],
  [["stub"], 1],
  [["scalar"], 1],
  [["complex"], 2],
  [["2-vector"], 2],
  [["3-color"], 3],
  [["RGB-color", "RGBcolor", "RGB"], 3],
  [["HSV-color", "HSVcolor", "HSV"], 3],
  [["XYZ-color"], 3],
  [["4-color"], 4],
  [["RGBA-color", "RGBAcolor", "RGBA"], 4],
  [["3-vector"], 3],
  [["3-gradient"], 3],
  [["3-normal"], 3],
  [["4-vector"], 4],
  [["quaternion"], 4],
  [["2D-symmetric-matrix", "2D-sym-matrix", "2D-symmetric-tensor", "2D-sym-tensor"], 3],
  [
    [
      "2D-masked-symmetric-matrix",
      "2D-masked-sym-matrix",
      "2D-masked-symmetric-tensor",
      "2D-masked-sym-tensor",
    ],
    4,
  ],
  [["2D-matrix", "2D-tensor"], 4],
  [["2D-masked-matrix", "2D-masked-tensor"], 5],
  [["3D-symmetric-matrix", "3D-sym-matrix", "3D-symmetric-tensor", "3D-sym-tensor"], 6],
  [
    [
      "3D-masked-symmetric-matrix",
      "3D-masked-sym-matrix",
      "3D-masked-symmetric-tensor",
      "3D-masked-sym-tensor",
    ],
    7,
  ],
  [["3D-matrix", "3D-tensor"], 9],
  [["3D-masked-matrix", "3D-masked-tensor"], 10],
];

/** Names in lower case, because NrrdIO compares them without regard to case. */
export const kinds: ReadonlyMap<string, NrrdKind> = new Map(
  kindSpellings.flatMap(([spellings, size]) => {
    const kind = { name: spellings[0]!, isDomain: domain.includes(spellings[0]!), size };
    return spellings.map((spelling) => [spelling.toLowerCase(), kind] as const);
  }),
);

/** Names in lower case. bzip2 is not among them, because the NrrdIO inside ITK is built without it. */
export const encodings: ReadonlyMap<string, StoredVoxels["encoding"]> = new Map<
  string,
  StoredVoxels["encoding"]
>([
  ["raw", "raw"],
  ["gzip", "gzip"],
  ["gz", "gzip"],
  ["ascii", "text"],
  ["text", "text"],
  ["txt", "text"],
  ["hex", "hex"],
]);

/** Names in lower case. */
export const elementTypes: ReadonlyMap<string, ElementType> = new Map<string, ElementType>([
  ["signed char", "int8"],
  ["int8", "int8"],
  ["int8_t", "int8"],
  ["uchar", "uint8"],
  ["unsigned char", "uint8"],
  ["uint8", "uint8"],
  ["uint8_t", "uint8"],
  ["short", "int16"],
  ["short int", "int16"],
  ["signed short", "int16"],
  ["signed short int", "int16"],
  ["int16", "int16"],
  ["int16_t", "int16"],
  ["ushort", "uint16"],
  ["unsigned short", "uint16"],
  ["unsigned short int", "uint16"],
  ["uint16", "uint16"],
  ["uint16_t", "uint16"],
  ["int", "int32"],
  ["signed int", "int32"],
  ["int32", "int32"],
  ["int32_t", "int32"],
  ["uint", "uint32"],
  ["unsigned int", "uint32"],
  ["uint32", "uint32"],
  ["uint32_t", "uint32"],
  ["longlong", "int64"],
  ["long long", "int64"],
  ["long long int", "int64"],
  ["signed long long", "int64"],
  ["signed long long int", "int64"],
  ["int64", "int64"],
  ["int64_t", "int64"],
  ["ulonglong", "uint64"],
  ["unsigned long long", "uint64"],
  ["unsigned long long int", "uint64"],
  ["uint64", "uint64"],
  ["uint64_t", "uint64"],
  ["float", "float32"],
  ["double", "float64"],
]);
