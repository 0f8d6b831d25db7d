import { imageError } from "../../errors.js";
import type { NiftiOrientation } from "../../volume/image.js";
import type { ElementType } from "../element-type.js";

/** `single`: header and voxels in one file; `pair`: header and voxels in two files; `analyze`: Analyze 7.5. */
export type NiftiForm = "single" | "pair" | "analyze";

/** The contents of a NIfTI-1 or NIfTI-2 header. */
export interface NiftiHeader {
  readonly form: NiftiForm;
  readonly isBigEndian: boolean;
  readonly type: ElementType;
  /** The first dim[0] of the values dim[1..7]. */
  readonly sizesXyz: readonly number[];
  readonly dataOffset: number;
  readonly slope: number;
  readonly intercept: number;
  readonly orientation: NiftiOrientation;
}

/** The number of bytes that hold a header of either version. */
export const niftiHeaderBytes = 544;

const types: Readonly<Record<number, ElementType>> = {
  2: "uint8",
  4: "int16",
  8: "int32",
  16: "float32",
  64: "float64",
  256: "int8",
  512: "uint16",
  768: "uint32",
  1024: "int64",
  1280: "uint64",
};

/**
 * Reads a header of either version.
 *
 * @throws IMAGE_INVALID, IMAGE_TRUNCATED, IMAGE_UNSUPPORTED for voxels in another file, and for complex or RGB voxels
 */
export function parseNiftiHeader(path: string, bytes: Buffer): NiftiHeader {
  if (bytes.length < 348)
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: a NIfTI header has 348 bytes, but here are only ${bytes.length}`,
    );
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const first = [view.getInt32(0, true), view.getInt32(0, false)];
  if (first.includes(540)) return parseVersion2(path, bytes, view);
  const form = formOfVersion1(bytes);
  if (form === "analyze" && !first.includes(348)) {
    throw imageError(
      "IMAGE_INVALID",
      `${path}: this is not a NIfTI header (its first number is ${first[0]}, not 348 or 540)`,
    );
  }
  const isBigEndian = isBigEndianVersion1(path, view);
  const header = readFields(path, new FieldReader(view, !isBigEndian, 1), { version: 1, isBigEndian });
  if (form !== "single" && header.dataOffset < 348) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: this is the header of a pair of files (.hdr and .img), and the voxels are in the other; convert the pair to .nii.gz`,
    );
  }
  return { ...(form === "analyze" ? withoutNiftiFields(header) : header), form };
}

function parseVersion2(path: string, bytes: Buffer, view: DataView): NiftiHeader {
  if (bytes.length < 540)
    throw imageError(
      "IMAGE_TRUNCATED",
      `${path}: a NIfTI-2 header has 540 bytes, but here are only ${bytes.length}`,
    );
  if (bytes.toString("latin1", 4, 7) !== "n+2")
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: the header and the voxels are in two files (.hdr and .img); convert the pair to .nii.gz`,
    );
  const isBigEndian = view.getInt32(0, false) === 540;
  const header = readFields(path, new FieldReader(view, !isBigEndian, 2), { version: 2, isBigEndian });
  return { ...header, form: "single" };
}

function formOfVersion1(bytes: Buffer): NiftiForm {
  const magic = bytes.toString("latin1", 344, 347);
  return magic === "n+1" ? "single" : magic === "ni1" ? "pair" : "analyze";
}

/** Finds the byte order from dim[0], which is 1 to 7, because the NIfTI library does not look at the first number. */
function isBigEndianVersion1(path: string, view: DataView): boolean {
  const isRank = (rank: number): boolean => rank >= 1 && rank <= 7;
  if (isRank(view.getInt16(40, true))) return false;
  if (isRank(view.getInt16(40, false))) return true;
  throw imageError("IMAGE_INVALID", `${path}: dim[0] must be 1 to 7, but is ${view.getInt16(40, true)}`);
}

/** Clears the orientation, units and scaling, because Analyze 7.5 has other fields in their place. */
function withoutNiftiFields(header: Omit<NiftiHeader, "form">): Omit<NiftiHeader, "form"> {
  const orientation = { ...header.orientation, qformCode: 0, sformCode: 0, xyztUnits: 0 };
  return { ...header, slope: 1, intercept: 0, orientation };
}

/** Reads header fields. NIfTI-2 has the same fields as NIfTI-1, at other offsets and twice as wide. */
class FieldReader {
  readonly #view: DataView;
  readonly #little: boolean;
  readonly #version: 1 | 2;

  constructor(view: DataView, little: boolean, version: 1 | 2) {
    this.#view = view;
    this.#little = little;
    this.#version = version;
  }

  /** Reads a number that has 16 bits in both versions. */
  short(at: readonly [v1: number, v2: number]): number {
    return this.#view.getInt16(at[this.#version - 1]!, this.#little);
  }

  sizes(at: readonly [v1: number, v2: number], count: number): number[] {
    return Array.from({ length: count }, (_, i) =>
      this.#version === 1
        ? this.#view.getInt16(at[0] + 2 * i, this.#little)
        : Number(this.#view.getBigInt64(at[1] + 8 * i, this.#little)),
    );
  }

  code(at: readonly [v1: number, v2: number]): number {
    return this.#version === 1
      ? this.#view.getInt16(at[0], this.#little)
      : this.#view.getInt32(at[1], this.#little);
  }

  reals(at: readonly [v1: number, v2: number], count: number): number[] {
    return Array.from({ length: count }, (_, i) =>
      this.#version === 1
        ? this.#view.getFloat32(at[0] + 4 * i, this.#little)
        : this.#view.getFloat64(at[1] + 8 * i, this.#little),
    );
  }

  units(): number {
    return this.#version === 1 ? this.#view.getUint8(123) : this.#view.getInt32(500, this.#little);
  }

  dataOffset(): number {
    return this.#version === 1
      ? this.#view.getFloat32(108, this.#little)
      : Number(this.#view.getBigInt64(168, this.#little));
  }
}

function readFields(
  path: string,
  fields: FieldReader,
  { version, isBigEndian }: { readonly version: 1 | 2; readonly isBigEndian: boolean },
): Omit<NiftiHeader, "form"> {
  const dimensions = fields.sizes([40, 16], 8);
  const code = fields.short([70, 12]);
  const type = types[code];
  if (type === undefined) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: voxels of NIfTI data type ${code} (complex, RGB or 128 bits) cannot be read`,
    );
  }
  const rank = dimensions[0]!;
  if (rank < 1 || rank > 7) throw imageError("IMAGE_INVALID", `${path}: dim[0] is ${rank}, not 1 to 7`);
  const [slope = 0, intercept = 0] = fields.reals([112, 176], 2);
  return {
    isBigEndian,
    type,
    sizesXyz: dimensions.slice(1, rank + 1),
    dataOffset: fields.dataOffset(),
    slope,
    intercept,
    orientation: {
      version,
      qformCode: fields.code([252, 344]),
      sformCode: fields.code([254, 348]),
      pixdim: fields.reals([76, 104], 8),
      quaternion: fields.reals([256, 352], 6),
      srow: fields.reals([280, 400], 12),
      xyztUnits: fields.units(),
    },
  };
}
