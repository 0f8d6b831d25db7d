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
  const sizesOf = readers.find(([ending]) => ending.test(name))?.[1];
  if (sizesOf === undefined) return null;
  const compression = /\.gz$/i.test(name) && (await isGzip(path)) ? "gzip" : "none";
  const reader = await ByteReader.open({ path, compression });
  try {
    const sizes = await sizesOf(reader, path);
    return sizes.reduce((product, size) => product * Math.max(size, 1), 1);
  } finally {
    reader.destroy();
  }
}

type SizesOf = (reader: ByteReader, path: string) => Promise<readonly number[]>;

const readers: readonly (readonly [ending: RegExp, sizesOf: SizesOf])[] = [
  [
    /\.nii(?:\.gz)?$/i,
    async (reader, path) => parseNiftiHeader(path, await reader.peek(niftiHeaderBytes)).sizesXyz,
  ],
  [
    /\.(?:mha|mhd)$/i,
    async (reader, path) =>
      (await readHeader(reader, path, (bytes, isWhole) => parseMetaimageHeader(path, bytes, isWhole))).sizes,
  ],
  [
    /\.(?:nrrd|nhdr)$/i,
    async (reader, path) =>
      (await readHeader(reader, path, (bytes, isWhole) => parseNrrdHeader(path, bytes, isWhole))).axes.map(
        ({ size }) => size,
      ),
  ],
];
