import { writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

export interface NiftiContent {
  /** x, y, z, and for several channels their number: the order of NIfTI, in which x changes fastest. */
  readonly size: readonly number[];
  readonly spacingMm: readonly [x: number, y: number, z: number];
  readonly voxels: Int16Array | Uint8Array;
}

const headerBytes = 352;

/** Writes a .nii.gz file, also with four axes, as the Medical Segmentation Decathlon stores several channels. */
export function writeNifti(path: string, { size, spacingMm, voxels }: NiftiContent): void {
  const header = new DataView(new ArrayBuffer(headerBytes));
  header.setInt32(0, 348, true);
  header.setInt16(40, size.length, true);
  for (let axis = 0; axis < 7; axis++) header.setInt16(42 + 2 * axis, size[axis] ?? 1, true);
  const bits = voxels.BYTES_PER_ELEMENT * 8;
  header.setInt16(70, bits === 8 ? 2 : 4, true); // uint8 or int16
  header.setInt16(72, bits, true);
  [1, ...spacingMm, 1].forEach((value, i) => {
    header.setFloat32(76 + 4 * i, value, true);
  });
  header.setFloat32(108, headerBytes, true);
  header.setFloat32(112, 1, true);
  header.setUint8(123, 2); // millimetres
  header.setInt16(254, 1, true); // sform: scanner coordinates
  spacingMm.forEach((value, axis) => {
    header.setFloat32(280 + 16 * axis + 4 * axis, value, true);
  });
  Buffer.from("n+1\0").copy(Buffer.from(header.buffer), 344);
  const data = Buffer.from(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  writeFileSync(path, gzipSync(Buffer.concat([Buffer.from(header.buffer), data])));
}
