export type TiffField = readonly [tag: number, type: number, count: number, value: number];

export const shortType = 3;
export const longType = 4;

/** Returns a TIFF file: the voxels start at byte 8, and the directories follow them. */
export function tiff(
  voxels: Uint8Array,
  directories: readonly (readonly TiffField[])[],
  next?: number,
): Buffer {
  const parts: Buffer[] = [Buffer.from("II*\0\0\0\0\0", "latin1"), Buffer.from(voxels)];
  let at = 8 + voxels.length;
  parts[0]!.writeUInt32LE(at, 4);
  for (const [i, fields] of directories.entries()) {
    const bytes = Buffer.alloc(6 + 12 * fields.length);
    at += bytes.length;
    bytes.writeUInt16LE(fields.length, 0);
    for (const [entry, [tag, type, count, value]] of fields.entries()) {
      bytes.writeUInt16LE(tag, 2 + 12 * entry);
      bytes.writeUInt16LE(type, 4 + 12 * entry);
      bytes.writeUInt32LE(count, 6 + 12 * entry);
      bytes.writeUInt32LE(value, 10 + 12 * entry);
    }
    bytes.writeUInt32LE(i + 1 < directories.length ? at : (next ?? 0), bytes.length - 4);
    parts.push(bytes);
  }
  return Buffer.concat(parts);
}

export interface TiffPageEdit {
  readonly width?: number;
  readonly height?: number;
  readonly compression?: number;
  readonly bytes?: number;
  readonly more?: readonly TiffField[];
}

/** Returns the tags of an image with one strip and one byte per sample. */
export const tiffPage = ({
  width = 4,
  height = 4,
  compression = 1,
  bytes = 16,
  more = [],
}: TiffPageEdit): TiffField[] => [
  [256, longType, 1, width],
  [257, longType, 1, height],
  [258, shortType, 1, 8],
  [259, shortType, 1, compression],
  [273, longType, 1, 8],
  [278, longType, 1, height],
  [279, longType, 1, bytes],
  ...more,
];
