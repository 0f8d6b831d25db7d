import type { Geometry } from "../../volume/geometry.js";
import type { Image, NiftiOrientation } from "../../volume/image.js";
import { bytesOf, type ElementType, elementTypeOf } from "../element-type.js";
import {
  closestRotation,
  determinant,
  mapRows,
  type Rows,
  transposed,
  unitRows,
} from "./closest-rotation.js";

const typeCodes: Readonly<Record<ElementType, number>> = {
  uint8: 2,
  int16: 4,
  int32: 8,
  float32: 16,
  float64: 64,
  int8: 256,
  uint16: 512,
  uint32: 768,
  int64: 1024,
  uint64: 1280,
};

const headerBytes = 352;

/**
 * Encodes a NIfTI-1 header. If the input was NIfTI-1 too, the orientation is the input's bit for bit. Otherwise it is
 * as ITK writes it: the qform equals the sform, both have code 1, and the spacing is in pixdim.
 */
export function encodeNiftiHeader(
  image: Pick<Image, "geometry" | "voxels" | "components">,
  source: NiftiOrientation | null,
  extension: Buffer = Buffer.alloc(0),
): Buffer {
  const { geometry, components } = image;
  const orientation = source ?? orientationOf(geometry);
  const type = elementTypeOf(image.voxels);
  const header = Buffer.alloc(headerBytes);
  header.writeInt32LE(348, 0);
  const [z, y, x] = geometry.sizeZyx;
  const rank = components > 1 ? 4 : geometry.dimensions;
  [rank, x, y, z, components, 1, 1, 1].forEach((size, i) => void header.writeInt16LE(size, 40 + 2 * i));
  header.writeInt16LE(typeCodes[type], 70);
  header.writeInt16LE(8 * bytesOf(type), 72);
  orientation.pixdim.forEach((value, i) => void header.writeFloatLE(value, 76 + 4 * i));
  header.writeFloatLE(headerBytes + extension.length, 108);
  header.writeFloatLE(1, 112);
  header.writeUInt8(orientation.xyztUnits & 255, 123);
  header.writeInt16LE(orientation.qformCode, 252);
  header.writeInt16LE(orientation.sformCode, 254);
  orientation.quaternion.forEach((value, i) => void header.writeFloatLE(value, 256 + 4 * i));
  orientation.srow.forEach((value, i) => void header.writeFloatLE(value, 280 + 4 * i));
  header.write("n+1\0", 344, "latin1");
  header.writeUInt8(extension.length > 0 ? 1 : 0, 348);
  return Buffer.concat([header, extension]);
}

const millimetresAndSeconds = 10;

function orientationOf({
  directionXyz: d,
  originMmXyz,
  spacingMmZyx,
  dimensions,
}: Geometry): NiftiOrientation {
  const [sz, sy, sx] = dimensions === 2 ? [1, spacingMmZyx[1], spacingMmZyx[2]] : spacingMmZyx;
  const origin = [-originMmXyz[0] || 0, -originMmXyz[1] || 0, originMmXyz[2]] as const;
  // ITK takes the closest rotation to the directions, whose axes are rows there.
  const axes: Rows = [
    [-d[0] || 0, -d[3] || 0, d[6]],
    [-d[1] || 0, -d[4] || 0, d[7]],
    [-d[2] || 0, -d[5] || 0, d[8]],
  ];
  const matrix = transposed(closestRotation(unitRows(axes)));
  const { handedness, quaternion } = quaternionForm(matrix);
  const spacing = [sx, sy, sz].map(Math.fround);
  return {
    version: 1,
    qformCode: 1,
    sformCode: 1,
    pixdim: [handedness, sx, sy, sz, 1, 1, 1, 1],
    quaternion: [...quaternion, ...origin],
    srow: matrix.flatMap((row, i) => [...row.map((value, axis) => value * spacing[axis]! || 0), origin[i]!]),
    xyztUnits: millimetresAndSeconds,
  };
}

/** Returns the quaternion of a matrix as the NIfTI library computes it, and -1 if z must be turned around for it. */
function quaternionForm(matrix: Rows) {
  const lengths = transposed(matrix).map((column) => Math.hypot(...column));
  const scaled = mapRows(matrix, (value, _, axis) => value / lengths[axis]!);
  const rotation = closestRotation(scaled);
  const handedness = determinant(rotation) < 0 ? -1 : 1;
  const proper = rotation.map(([a, b, c]) => [a, b, c * handedness] as const);
  return { handedness, quaternion: quaternionOf(proper) };
}

/** Returns b, c and d of the unit quaternion of a proper rotation whose a is not negative. */
function quaternionOf(r: readonly (readonly [number, number, number])[]): readonly [number, number, number] {
  const [[xx, xy, xz], [yx, yy, yz], [zx, zy, zz]] = r as readonly [
    readonly [number, number, number],
    readonly [number, number, number],
    readonly [number, number, number],
  ];
  const trace = xx + yy + zz + 1;
  if (trace > 0.5) {
    const a = 0.5 * Math.sqrt(trace);
    return [(0.25 * (zy - yz)) / a, (0.25 * (xz - zx)) / a, (0.25 * (yx - xy)) / a];
  }
  const xd = 1 + xx - (yy + zz);
  const yd = 1 + yy - (xx + zz);
  const zd = 1 + zz - (xx + yy);
  let a: number;
  let b: number;
  let c: number;
  let d: number;
  if (xd > 1) {
    b = 0.5 * Math.sqrt(xd);
    [c, d, a] = [(0.25 * (xy + yx)) / b, (0.25 * (xz + zx)) / b, (0.25 * (zy - yz)) / b];
  } else if (yd > 1) {
    c = 0.5 * Math.sqrt(yd);
    [b, d, a] = [(0.25 * (xy + yx)) / c, (0.25 * (yz + zy)) / c, (0.25 * (xz - zx)) / c];
  } else {
    d = 0.5 * Math.sqrt(zd);
    [b, c, a] = [(0.25 * (xz + zx)) / d, (0.25 * (yz + zy)) / d, (0.25 * (yx - xy)) / d];
  }
  return a < 0 ? [-b, -c, -d] : [b, c, d];
}
