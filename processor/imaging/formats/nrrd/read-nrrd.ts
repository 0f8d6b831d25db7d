import type { Image } from "../../volume/image.js";
import { ByteReader } from "../byte-source.js";
import { checkSizes } from "../check-sizes.js";
import { findDataFiles } from "../data-file.js";
import { bytesOf, decodeElements, separateComponents } from "../element-type.js";
import { readHeader } from "../header-values.js";
import { readStoredVoxels } from "../stored-voxels.js";
import { type NrrdLayout, nrrdGeometry, nrrdLayout } from "./nrrd-geometry.js";
import { type NrrdHeader, parseNrrdHeader } from "./nrrd-header.js";

/**
 * Reads `.nrrd`, and `.nhdr` with its data files in the same folder or below, as ITK does.
 *
 * @throws IMAGE_INVALID, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_EMPTY, INPUT_NOT_FOUND
 */
export async function readNrrd(path: string): Promise<Image> {
  const header = await readHeaderOf(path);
  const { axes, type } = header;
  const sizes = axes.map(({ size }) => size);
  checkSizes(path, sizes, bytesOf(type));
  const layout = nrrdLayout(path, header);
  const geometry = nrrdGeometry(path, header, layout);
  const count = sizes.reduce((product, size) => product * size, 1);
  const names = header.dataFiles;
  const stored = {
    paths: names === null ? [path] : await findDataFiles(path, names),
    start: names === null ? header.length : 0,
    encoding: header.encoding,
    skipLines: header.lineSkip,
    skipBytes: header.byteSkip,
    fractions: "refused",
  } as const;
  const bytes = await readStoredVoxels(stored, { type, count });
  const voxels = decodeElements(bytes, type, header.isBigEndian);
  const { componentAxis, domain } = layout;
  const components = componentAxis === null ? (domain[3]?.size ?? 1) : sizes[componentAxis]!;
  const isLast = componentAxis === null || componentAxis === sizes.length - 1;
  return {
    voxels: isLast ? voxels : separateComponents(voxels, components, sizes.slice(0, componentAxis)),
    components,
    geometry,
    source: { path, format: "nrrd", fields: spatialFields(header, layout) },
    ...(componentAxis !== null && components > 1 ? { areVectors: true } : {}),
  };
}

async function readHeaderOf(path: string): Promise<NrrdHeader> {
  const reader = await ByteReader.open({ path, compression: "none" });
  try {
    return await readHeader(reader, path, (bytes, isWholeFile) => parseNrrdHeader(path, bytes, isWholeFile));
  } finally {
    reader.destroy();
  }
}

/**
 * Returns the fields that place the image in space, with the file's own digits, for a segmentation of the same format.
 */
function spatialFields(header: NrrdHeader, { domain }: NrrdLayout): Readonly<Record<string, string>> {
  const directions = domain.flatMap(({ direction }) => (direction === null ? [] : [direction.text]));
  if (directions.length !== domain.length || domain.length > 3) return {};
  return {
    ...(header.space === null
      ? { "space dimension": `${header.spaceDimension}` }
      : { space: header.space.name }),
    "space directions": directions.join(" "),
    ...(header.spaceOrigin === null ? {} : { "space origin": header.spaceOrigin.text }),
  };
}
