export interface NiftiFields {
  /** dim[0], dim[1], … */
  readonly dim?: readonly number[];
  readonly datatype?: number;
  readonly bitpix?: number;
  readonly scaling?: readonly [slope: number, intercept: number];
  readonly pixdim?: readonly number[];
  readonly codes?: readonly [qform: number, sform: number];
  readonly quaternion?: readonly number[];
  readonly magic?: string;
  readonly voxelsAt?: number;
  readonly headerBytes?: number;
}

/** Returns a NIfTI-1 file, with 4 × 1 × 1 voxels of one byte unless the fields say otherwise. */
export function nifti(voxels: Uint8Array, fields: NiftiFields = {}): Buffer {
  const header = Buffer.alloc(352);
  header.writeInt32LE(fields.headerBytes ?? 348, 0);
  for (const [i, size] of (fields.dim ?? [3, 4, 1, 1, 1, 1, 1, 1]).entries())
    header.writeInt16LE(size, 40 + 2 * i);
  header.writeInt16LE(fields.datatype ?? 2, 70);
  header.writeInt16LE(fields.bitpix ?? 8, 72);
  for (const [i, size] of (fields.pixdim ?? [1, 1, 1, 1]).entries()) header.writeFloatLE(size, 76 + 4 * i);
  header.writeFloatLE(fields.voxelsAt ?? 352, 108);
  for (const [i, value] of (fields.scaling ?? [1, 0]).entries()) header.writeFloatLE(value, 112 + 4 * i);
  for (const [i, code] of (fields.codes ?? [0, 0]).entries()) header.writeInt16LE(code, 252 + 2 * i);
  for (const [i, part] of (fields.quaternion ?? []).entries()) header.writeFloatLE(part, 256 + 4 * i);
  header.write(fields.magic ?? "n+1", 344, "latin1");
  return Buffer.concat([header, voxels]);
}
