import { counted } from "../../../contract/counted.js";
import { isNibabel } from "../../../contract/reader-class.js";
import { imageError } from "../../errors.js";
import type { Zyx } from "../../volume/axes.js";
import type { Image, ImageHead, VoxelArray } from "../../volume/image.js";
import { ByteReader, isGzip } from "../byte-source.js";
import { checkSizes } from "../check-sizes.js";
import { bytesOf, decodeElements } from "../element-type.js";
import type { BlockSink, ReadImageOptions } from "../read-image-options.js";
import { niftiGeometry } from "./nifti-geometry.js";
import { type NiftiHeader, niftiHeaderBytes, parseNiftiHeader } from "./nifti-header.js";

/**
 * Reads `.nii` and `.nii.gz`, versions 1 and 2. The fourth axis of a 4-D file becomes the components.
 *
 * For nnU-Net's readers of nibabel it follows the rules of nibabel, otherwise those of ITK's NiftiImageIO.
 */
export async function readNifti(path: string, options: ReadImageOptions): Promise<Image> {
  const nifti = await openNifti(path, options);
  const { reader, head, dataOffset, dataBytes } = nifti;
  try {
    const bytes = await reader.readData(dataOffset, dataBytes);
    await reader.finish();
    const { voxels, zeroedVoxels } = nifti.decode(bytes);
    return { ...head, voxels, ...(zeroedVoxels === 0 ? {} : { zeroedVoxels }) };
  } finally {
    reader.destroy();
  }
}

/** Reads a file as `readNifti` does, but gives the voxels in blocks of whole rows. */
export async function readNiftiInBlocks(
  path: string,
  options: ReadImageOptions,
  begin: (head: ImageHead) => BlockSink,
): Promise<ImageHead> {
  const nifti = await openNifti(path, options);
  const { reader, head, dataOffset, dataBytes, rowBytes } = nifti;
  try {
    const blocks = reader.readBlocks(dataOffset, dataBytes, rowBytes * rowsPerBlock(rowBytes));
    const sink = begin(head);
    let start = 0;
    let zeroedVoxels = 0;
    for await (const bytes of blocks) {
      const block = nifti.decode(bytes);
      sink(block.voxels, start);
      start += block.voxels.length;
      zeroedVoxels += block.zeroedVoxels;
    }
    await reader.finish();
    return zeroedVoxels === 0 ? head : { ...head, zeroedVoxels };
  } finally {
    reader.destroy();
  }
}

/** Reads the header of a file as `readNifti` does. */
export async function readNiftiHead(path: string, options: ReadImageOptions): Promise<ImageHead> {
  const { reader, head } = await openNifti(path, options);
  reader.destroy();
  return head;
}

/** As many bytes as stay in the cache of a core. */
const targetBlockBytes = 1 << 18;

/** Returns a multiple of four, if as many fit, so that each block begins at a whole word of the volume. */
function rowsPerBlock(rowBytes: number): number {
  const rows = Math.max(1, Math.floor(targetBlockBytes / rowBytes));
  return rows < 4 ? rows : rows - (rows % 4);
}

/** A file whose header was read. */
interface OpenNifti {
  readonly reader: ByteReader;
  readonly head: ImageHead;
  readonly dataOffset: number;
  readonly dataBytes: number;
  readonly rowBytes: number;
  /** Returns the scaled voxels of some bytes, which may share their memory, and how many were not finite and are 0. */
  decode(bytes: Buffer): { readonly voxels: VoxelArray; readonly zeroedVoxels: number };
}

async function openNifti(path: string, options: ReadImageOptions): Promise<OpenNifti> {
  // ITK and nibabel also read an uncompressed file that is named .nii.gz.
  const isCompressed = path.toLowerCase().endsWith(".gz") && (await isGzip(path));
  const { imageReader = null, keepsDoubles = false, fillsMissing = false } = options;
  const preferSform = isNibabel(imageReader);
  const reader = await ByteReader.open({ path, compression: isCompressed ? "gzip" : "none", fillsMissing });
  try {
    const header = parseNiftiHeader(path, await reader.peek(niftiHeaderBytes));
    if (preferSform && header.form === "analyze") {
      throw imageError(
        "IMAGE_UNSUPPORTED",
        `${path}: its header has the format Analyze 7.5, which nibabel does not read from a file named .nii`,
      );
    }
    const { sizeZyx, components, areVectors, dimensions } = gridOf(path, header, preferSform);
    const scaling = scalingOf(path, header, preferSform);
    const rowBytes = sizeZyx[2] * bytesOf(header.type);
    return {
      reader,
      head: {
        components,
        geometry: niftiGeometry(path, header.orientation, { sizeZyx, dimensions, preferSform }),
        source: { path, format: "nifti", nifti: header.orientation },
        ...(areVectors ? { areVectors } : {}),
      },
      dataOffset: dataOffsetOf(header),
      dataBytes: components * sizeZyx[0] * sizeZyx[1] * rowBytes,
      rowBytes,
      decode(bytes) {
        const stored = decodeElements(bytes, header.type, header.isBigEndian);
        const zeroedVoxels = preferSform ? 0 : zeroNonFinite(stored);
        return { voxels: rescaled(stored, scaling, { preferSform, keepsDoubles }), zeroedVoxels };
      },
    };
  } catch (error) {
    reader.destroy();
    throw error;
  }
}

/**
 * Returns the offset of the voxels. As in ITK, it is never before the end of the header, except for a pair, whose
 * header is in another file.
 */
function dataOffsetOf({ dataOffset, form, orientation }: NiftiHeader): number {
  return form === "single" ? Math.max(dataOffset, orientation.version === 1 ? 348 : 540) : dataOffset;
}

function gridOf(path: string, { sizesXyz: stored, type }: NiftiHeader, preferSform: boolean) {
  // The NIfTI library reads a size below 1 as 1. Some writers set the time axis to 0.
  const sizesXyz = preferSform ? stored : stored.map((size, axis) => (axis > 2 && size <= 0 ? 1 : size));
  checkSizes(path, sizesXyz, bytesOf(type));
  const [x = 1, y = 1, z = 1, ...rest] = sizesXyz;
  const components = rest.find((size) => size > 1) ?? 1;
  // The fourth axis is for volumes over time, the fifth for vectors.
  if (rest.filter((size) => size > 1).length > 1) {
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: ${counted(sizesXyz.length, "dimension")} (${sizesXyz.join(" × ")})`,
    );
  }
  return {
    sizeZyx: [z, y, x] as Zyx,
    components,
    areVectors: components > 1 && rest[0] === 1,
    dimensions: sizesXyz.length <= 2 ? (2 as const) : (3 as const),
  };
}

interface Scaling {
  readonly slope: number;
  readonly intercept: number;
}

/**
 * Returns the slope and the intercept. For a slope of 0, ITK scales by 1 and still adds the intercept; nibabel and the
 * standard change nothing.
 */
function scalingOf(path: string, { slope, intercept }: NiftiHeader, preferSform: boolean): Scaling {
  if (!preferSform) {
    const isUsable = Number.isFinite(slope) && Math.abs(slope) >= Number.EPSILON;
    return { slope: isUsable ? slope : 1, intercept: Number.isFinite(intercept) ? intercept : 0 };
  }
  if (slope === 0 || !Number.isFinite(slope)) return { slope: 1, intercept: 0 };
  if (Number.isFinite(intercept)) return { slope, intercept };
  throw imageError(
    "IMAGE_INVALID",
    `${path}: scl_slope and scl_inter must be finite, but are ${slope} and ${intercept}`,
  );
}

/** Sets NaN and infinite voxels to 0 and counts them, as the NIfTI library does before scaling. */
function zeroNonFinite(voxels: VoxelArray): number {
  if (!(voxels instanceof Float32Array || voxels instanceof Float64Array)) return 0;
  let count = 0;
  for (let i = 0; i < voxels.length; i++) {
    if (Number.isFinite(voxels[i])) continue;
    voxels[i] = 0;
    count++;
  }
  return count;
}

/**
 * Scales the voxels. Slope 1 and intercept 0 keep values and type. ITK converts integers to float32 before scaling,
 * nibabel to float64.
 */
function rescaled(
  voxels: VoxelArray,
  { slope, intercept }: Scaling,
  { preferSform, keepsDoubles }: { readonly preferSform: boolean; readonly keepsDoubles: boolean },
): VoxelArray {
  if (slope === 1 && intercept === 0) return voxels;
  const isSingleFirst = !preferSform && !(voxels instanceof Float64Array);
  // ITK scales doubles as doubles.
  const isDouble = keepsDoubles || (!preferSform && voxels instanceof Float64Array);
  const result = isDouble ? new Float64Array(voxels.length) : new Float32Array(voxels.length);
  if (voxels instanceof BigInt64Array || voxels instanceof BigUint64Array) {
    for (let i = 0; i < result.length; i++) {
      const voxel = Number(voxels[i]);
      result[i] = (isSingleFirst ? Math.fround(voxel) : voxel) * slope + intercept;
    }
  } else if (isSingleFirst) {
    for (let i = 0; i < result.length; i++) result[i] = Math.fround(voxels[i]!) * slope + intercept;
  } else {
    for (let i = 0; i < result.length; i++) result[i] = voxels[i]! * slope + intercept;
  }
  return result;
}
