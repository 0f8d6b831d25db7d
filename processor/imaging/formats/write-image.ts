import { PNG } from "pngjs";
import { writeFileWhole } from "../../files/write-file.js";
import { imageError } from "../errors.js";
import type { Image, ImageFormat, ImageSource, VoxelArray } from "../volume/image.js";
import type { LabelMap } from "../volume/label-map.js";
import { encodeBmp } from "./bmp/encode-bmp.js";
import { gzipParts, zlibCompress } from "./compress.js";
import { elementTypeOf } from "./element-type.js";
import { metaimageHeader, nrrdHeader } from "./encode-text-headers.js";
import { encodeGipl } from "./gipl/encode-gipl.js";
import { imageFormatOf, oneFileEnding } from "./image-ending.js";
import { encodeNiftiHeader } from "./nifti/encode-nifti.js";
import { labelTable } from "./nifti/label-table.js";
import { writeSpacingFile } from "./spacing-file.js";
import { encodeTiff } from "./tiff/encode-tiff.js";

/**
 * Writes a segmentation with the geometry of the input image. If the formats are the same, the geometry is the same bit
 * for bit.
 *
 * @param source the source of the input image
 * @throws IMAGE_UNSUPPORTED, DISK_FULL, OUTPUT_UNWRITABLE
 */
export const writeLabelMap = (labelMap: LabelMap, path: string, source: ImageSource): Promise<void> =>
  writeImage({ ...labelMap, components: 1, source }, path);

/**
 * Writes an image; its ending decides the format. The spacing of a TIFF volume goes into a `.json` next to it, as
 * nnU-Net's Tiff3DIO writes it.
 */
export async function writeImage(image: Image, path: string): Promise<void> {
  if (/\.(?:mhd|nhdr)$/i.test(path))
    throw imageError("IMAGE_UNSUPPORTED", `${path}: write ${oneFileEnding(path)} instead`);
  const format = imageFormatOf(path);
  const parts = await encoders[format](image, path);
  // The spacing is written before the image, because the image marks the case as finished.
  if (format === "tiff" && image.geometry.dimensions === 3)
    await writeSpacingFile(path, image.geometry.spacingMmZyx);
  await writeFileWhole(path, parts);
}

type Encoder = (image: Image, path: string) => Promise<readonly Uint8Array[]>;

const encoders: Readonly<Record<ImageFormat, Encoder>> = {
  async nifti(image, path) {
    const { source } = image;
    const largest = Math.max(...image.geometry.sizeZyx, image.components);
    if (largest > 32767)
      throw imageError(
        "IMAGE_UNSUPPORTED",
        `${path}: NIfTI-1 allows at most 32767 voxels on an axis, but the image has ${largest}`,
      );
    // NIfTI-2 has wider fields than a NIfTI-1 header can keep.
    const kept = source.format === "nifti" && source.nifti?.version === 1 ? source.nifti : null;
    const header = encodeNiftiHeader(image, kept, labelTable(image.names ?? []));
    const voxels = bytesOfVoxels(image.voxels);
    if (!path.toLowerCase().endsWith(".gz")) return [header, voxels];
    return gzipParts(Buffer.concat([header, voxels]));
  },
  async metaimage(image, path) {
    refuseComponents(image, path);
    const data = await zlibCompress(bytesOfVoxels(image.voxels));
    const type = elementTypeOf(image.voxels);
    return [metaimageHeader({ ...image, type, dataBytes: data.length }), data];
  },
  async nrrd(image, path) {
    refuseComponents(image, path);
    const data = await gzipParts(bytesOfVoxels(image.voxels));
    return [nrrdHeader({ ...image, type: elementTypeOf(image.voxels), dataBytes: 0 }), ...data];
  },
  async gipl(image, path) {
    refuseComponents(image, path);
    const content = encodeGipl(image, path);
    return path.toLowerCase().endsWith(".gz") ? gzipParts(content) : [content];
  },
  async png(image, path) {
    const { voxels, geometry } = image;
    const [slices, height, width] = geometry.sizeZyx;
    const is8Bit = voxels instanceof Uint8Array;
    if (slices !== 1 || image.components !== 1 || !(is8Bit || voxels instanceof Uint16Array)) {
      throw imageError("IMAGE_UNSUPPORTED", `${path}: a PNG can hold only one slice of 8-bit or 16-bit grey`);
    }
    const png = new PNG({ width, height, colorType: 0, inputColorType: 0, bitDepth: is8Bit ? 8 : 16 });
    // pngjs reads 16-bit samples from the start of the underlying buffer, so the samples must begin there.
    png.data = Buffer.from(is8Bit ? Uint8Array.from(voxels).buffer : Uint16Array.from(voxels).buffer);
    return [PNG.sync.write(png, { colorType: 0, inputColorType: 0, bitDepth: is8Bit ? 8 : 16 })];
  },
  bmp: async (image, path) => encodeBmp(image, path),
  tiff: encodeTiff,
};

function refuseComponents({ components }: Image, path: string): void {
  if (components !== 1)
    throw imageError("IMAGE_UNSUPPORTED", `${path}: ${components} components; write .nii.gz`);
}

/**
 * Returns the voxels as bytes. Voxels in shared memory are copied, because zlib and the file system do not accept it.
 */
function bytesOfVoxels(voxels: VoxelArray): Uint8Array {
  const view = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  return view.buffer instanceof SharedArrayBuffer ? Uint8Array.from(view) : view;
}
