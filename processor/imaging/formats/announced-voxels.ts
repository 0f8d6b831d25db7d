import { promisify } from "node:util";
import { constants, gunzip, type ZlibOptions } from "node:zlib";
import { ByteReader, isGzip } from "./byte-source.js";
import { readHeader } from "./header-values.js";
import { parseMetaimageHeader } from "./metaimage/metaimage-header.js";
import { niftiHeaderBytes, parseNiftiHeader } from "./nifti/nifti-header.js";
import { parseNrrdHeader } from "./nrrd/nrrd-header.js";

/**
 * Returns the number of voxels that a file's header announces, without reading them; null for a file of another format than
 * NIfTI, MetaImage and NRRD.
 *
 * @param name the file's name, whose ending says its format
 * @throws what the readers of the headers throw
 */
export async function announcedVoxels(path: string, name: string): Promise<number | null> {
  const sizesOf = sizesOfFormat(name);
  if (sizesOf === null) return null;
  const compression = /\.gz$/i.test(name) && (await isGzip(path)) ? "gzip" : "none";
  const reader = await ByteReader.open({ path, compression });
  try {
    return productOf(await readHeader(reader, path, (bytes, isWhole) => sizesOf({ path, bytes, isWhole })));
  } finally {
    reader.destroy();
  }
}

/**
 * Returns the number of voxels that the beginning of a file announces; null for a file of another format, and for a header
 * that is longer.
 *
 * @param isWhole true if the file has no more bytes
 * @throws what the readers of the headers throw
 */
export async function announcedVoxelsIn(
  head: Buffer,
  name: string,
  isWhole: boolean,
): Promise<number | null> {
  const sizesOf = sizesOfFormat(name);
  if (sizesOf === null) return null;
  const isPacked = /\.gz$/i.test(name) && head[0] === 0x1f && head[1] === 0x8b;
  // So few bytes cannot become many, and hold the header of NIfTI, the only one that is packed.
  const bytes = isPacked
    ? await gunzipped(head.subarray(0, mostPackedBytes), { finishFlush: constants.Z_SYNC_FLUSH })
    : head;
  const sizes = sizesOf({ path: name, bytes, isWhole: isWhole && !isPacked });
  return sizes === null ? null : productOf(sizes);
}

const gunzipped = promisify<Buffer, ZlibOptions, Buffer>(gunzip);
const mostPackedBytes = 1 << 13;

const productOf = (sizes: readonly number[]): number =>
  sizes.reduce((product, size) => product * Math.max(size, 1), 1);

interface Beginning {
  /** For messages. */
  readonly path: string;
  readonly bytes: Buffer;
  /** True if there are no further bytes. */
  readonly isWhole: boolean;
}

/** Returns the sizes of the axes that a header announces; null if it needs more bytes. */
type SizesOf = (beginning: Beginning) => readonly number[] | null;

const sizesOfFormat = (name: string): SizesOf | null =>
  formats.find(([ending]) => ending.test(name))?.[1] ?? null;

const formats: readonly (readonly [ending: RegExp, sizesOf: SizesOf])[] = [
  [
    /\.nii(?:\.gz)?$/i,
    ({ path, bytes }) => parseNiftiHeader(path, bytes.subarray(0, niftiHeaderBytes)).sizesXyz,
  ],
  [
    /\.(?:mha|mhd)$/i,
    ({ path, bytes, isWhole }) => parseMetaimageHeader(path, bytes, isWhole)?.sizes ?? null,
  ],
  [
    /\.(?:nrrd|nhdr)$/i,
    ({ path, bytes, isWhole }) => parseNrrdHeader(path, bytes, isWhole)?.axes.map(({ size }) => size) ?? null,
  ],
];
