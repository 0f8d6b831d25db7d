import { ProcessorError } from "../errors.js";
import type { Zyx } from "../volume/axes.js";
import type { Image, VoxelArray } from "../volume/image.js";
import { ByteReader } from "./byte-source.js";
import { checkSizes } from "./check-sizes.js";
import { bytesOf, decodeElements } from "./element-type.js";
import { niftiGeometry } from "./nifti-geometry.js";
import { type NiftiHeader, niftiHeaderBytes, parseNiftiHeader } from "./nifti-header.js";
import type { ReadImageOptions } from "./read-image.js";

/** Reads `.nii` and `.nii.gz`, version 1 and 2. A 4-D file has its fourth axis as components. */
export async function readNifti(path: string, options: ReadImageOptions): Promise<Image> {
  const isGzip = path.toLowerCase().endsWith(".gz");
  const reader = await ByteReader.open({ path, compression: isGzip ? "gzip" : "none" });
  try {
    const header = parseNiftiHeader(path, await reader.peek(niftiHeaderBytes));
    const { sizeZyx, components, dimensions } = gridOf(path, header);
    const count = components * sizeZyx[0] * sizeZyx[1] * sizeZyx[2];
    const bytes = await reader.readData(header.dataOffset, count * bytesOf(header.type));
    await reader.finish();
    return {
      voxels: rescaled(decodeElements(bytes, header.type, header.isBigEndian), header),
      components,
      geometry: niftiGeometry(path, header.orientation, {
        ...{ sizeZyx, dimensions },
        preferSform: options.preferSform === true,
      }),
      source: { path, format: "nifti", nifti: header.orientation },
    };
  } finally {
    reader.destroy();
  }
}

function gridOf(path: string, { sizesXyz, type }: NiftiHeader) {
  checkSizes(path, sizesXyz, bytesOf(type));
  const [x = 1, y = 1, z = 1, components = 1, ...rest] = sizesXyz;
  if (rest.some((size) => size > 1)) {
    throw new ProcessorError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${sizesXyz.length} dimensions (${sizesXyz.join(" × ")})`,
    );
  }
  return {
    sizeZyx: [z, y, x] as Zyx,
    components,
    dimensions: sizesXyz.length <= 2 ? (2 as const) : (3 as const),
  };
}

/** A slope of 0 means none; slope 1 and intercept 0 change nothing and keep the type. */
function rescaled(voxels: VoxelArray, { slope, intercept }: NiftiHeader): VoxelArray {
  if (slope === 0 || !Number.isFinite(slope) || (slope === 1 && intercept === 0)) return voxels;
  const result = new Float32Array(voxels.length);
  for (let i = 0; i < result.length; i++) result[i] = Number(voxels[i]) * slope + intercept;
  return result;
}
