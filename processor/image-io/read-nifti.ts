import { ProcessorError } from "../errors.js";
import type { Zyx } from "../volume/axes.js";
import type { Image, VoxelArray } from "../volume/image.js";
import { ByteReader, beginsWith } from "./byte-source.js";
import { checkSizes } from "./check-sizes.js";
import { bytesOf, decodeElements } from "./element-type.js";
import { niftiGeometry } from "./nifti-geometry.js";
import { type NiftiHeader, niftiHeaderBytes, parseNiftiHeader } from "./nifti-header.js";
import type { ReadImageOptions } from "./read-image.js";

const gzipMagic = [0x1f, 0x8b];

/** Reads `.nii` and `.nii.gz`, version 1 and 2. A 4-D file has its fourth axis as components. */
export async function readNifti(path: string, options: ReadImageOptions): Promise<Image> {
  // ITK and nibabel too read a plain file that is only named .nii.gz.
  const isGzip = path.toLowerCase().endsWith(".gz") && (await beginsWith(path, gzipMagic));
  const reader = await ByteReader.open({ path, compression: isGzip ? "gzip" : "none" });
  try {
    const header = parseNiftiHeader(path, await reader.peek(niftiHeaderBytes));
    const { sizeZyx, components, dimensions } = gridOf(path, header);
    const count = components * sizeZyx[0] * sizeZyx[1] * sizeZyx[2];
    const bytes = await reader.readData(header.dataOffset, count * bytesOf(header.type));
    await reader.finish();
    return {
      voxels: rescaled(decodeElements(bytes, header.type, header.isBigEndian), scalingOf(header, options)),
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
  const [x = 1, y = 1, z = 1, ...rest] = sizesXyz;
  const components = rest.find((size) => size > 1) ?? 1;
  // Volumes over time are in the fourth axis, vectors in the fifth.
  if (rest.filter((size) => size > 1).length > 1) {
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

interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

/** ITK takes a slope of 0 for 1 and still adds the intercept; nibabel and the standard then scale nothing. */
function scalingOf({ slope, intercept }: NiftiHeader, { preferSform }: ReadImageOptions): Scaling {
  const hasSlope = slope !== 0 && Number.isFinite(slope);
  if (preferSform === true && !hasSlope) return { slope: 1, intercept: 0 };
  return { slope: hasSlope ? slope : 1, intercept: Number.isFinite(intercept) ? intercept : 0 };
}

/** Slope 1 and intercept 0 change nothing and keep the type. */
function rescaled(voxels: VoxelArray, { slope, intercept }: Scaling): VoxelArray {
  if (slope === 1 && intercept === 0) return voxels;
  const result = new Float32Array(voxels.length);
  if (voxels instanceof BigInt64Array || voxels instanceof BigUint64Array) {
    for (let i = 0; i < result.length; i++) result[i] = Number(voxels[i]) * slope + intercept;
  } else {
    for (let i = 0; i < result.length; i++) result[i] = voxels[i]! * slope + intercept;
  }
  return result;
}
