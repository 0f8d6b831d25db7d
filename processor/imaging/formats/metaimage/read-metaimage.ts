import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { imageError } from "../../errors.js";
import type { Xyz } from "../../volume/axes.js";
import { type Geometry, spacingOf } from "../../volume/geometry.js";
import type { Image } from "../../volume/image.js";
import { ByteReader } from "../byte-source.js";
import { checkSizes } from "../check-sizes.js";
import { findDataFiles } from "../data-file.js";
import { directionOfColumns } from "../direction-of-columns.js";
import { bytesOf, decodeElements, separateComponents } from "../element-type.js";
import { readHeader } from "../header-values.js";
import { readStoredVoxels, type StoredVoxels } from "../stored-voxels.js";
import { type MetaimageHeader, parseMetaimageHeader } from "./metaimage-header.js";

/**
 * Reads `.mha`, and `.mhd` with its data files in the same folder or below, as ITK does.
 *
 * @throws IMAGE_INVALID, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_EMPTY, INPUT_NOT_FOUND
 */
export async function readMetaimage(path: string): Promise<Image> {
  const header = await readHeaderOf(path);
  const { type, sizes, components } = header;
  checkSizes(path, [...sizes, components], bytesOf(type));
  const geometry = geometryOf(path, header);
  const count = sizes.reduce((product, size) => product * size, components);
  const bytes = await readStoredVoxels(await locate(path, header), { type, count });
  const voxels = decodeElements(bytes, type, header.isBigEndian);
  return {
    voxels: separateComponents(voxels, components),
    components: components * (sizes[3] ?? 1),
    geometry,
    source: { path, format: "metaimage", fields: spatialFields(header) },
    ...(components > 1 ? { areVectors: true } : {}),
  };
}

async function readHeaderOf(path: string): Promise<MetaimageHeader> {
  const reader = await ByteReader.open({ path, compression: "none" });
  try {
    return await readHeader(reader, path, (bytes, isWholeFile) =>
      parseMetaimageHeader(path, bytes, isWholeFile),
    );
  } finally {
    reader.destroy();
  }
}

async function locate(path: string, header: MetaimageHeader): Promise<StoredVoxels> {
  const { dataFiles, headerSize, compressedBytes } = header;
  // If a file exists only with the ending .gz added, MetaIO reads it as compressed.
  const paths =
    dataFiles === null
      ? [path]
      : await findDataFiles(path, dataFiles, header.encoding === "zlib" ? [""] : ["", ".gz"]);
  const isZipped = dataFiles?.some((name, i) => basename(paths[i]!) !== basename(name)) ?? false;
  const headerBytes = dataFiles === null ? header.length : 0;
  if (headerSize !== null && headerSize !== -1 && headerSize < headerBytes)
    throw imageError(
      "IMAGE_INVALID",
      `${path}: HeaderSize is ${headerSize}, but the header has ${headerBytes} bytes`,
    );
  const start = headerSize !== null && headerSize > 0 ? headerSize : headerBytes;
  if (compressedBytes !== null && paths.length === 1) {
    const { size } = await stat(paths[0]!);
    if (start + compressedBytes > size)
      throw imageError(
        "IMAGE_TRUNCATED",
        `${paths[0]}: the header announces ${compressedBytes} bytes of compressed voxels, but the file has ${Math.max(0, size - start)}`,
      );
  }
  return {
    paths,
    start,
    encoding: isZipped ? "zlib" : header.encoding,
    skipBytes: headerSize === -1 ? -1 : 0,
    fractions: "cut off",
  };
}

function geometryOf(path: string, { sizes, spacings, origin, matrix }: MetaimageHeader): Geometry {
  const rank = sizes.length;
  const isFlat = rank === 2;
  const signed = spacings?.values ?? [1, 1, 1];
  if (signed.includes(0))
    throw imageError("IMAGE_INVALID", `${path}: ElementSpacing is ${spacings?.text}; no spacing may be 0`);
  const [x = 1, y = 1, z = 1] = sizes;
  const [ox = 0, oy = 0, oz = 0] = origin?.values ?? [];
  // TransformMatrix holds the vectors of the axes one after the other. They are the columns of ITK's direction.
  const columns = (isFlat ? [0, 1] : [0, 1, 2]).map((column) =>
    [0, 1, 2].map((row) => matrix?.values[column * rank + row] ?? (row === column ? 1 : 0)),
  );
  return {
    sizeZyx: isFlat ? [1, y, x] : [z, y, x],
    spacingMmZyx: spacingOf(signed.map(Math.abs), isFlat ? 2 : 3),
    originMmXyz: [ox, oy, isFlat ? 0 : oz] as Xyz,
    directionXyz: directionOfColumns(path, columns, signed),
    dimensions: isFlat ? 2 : 3,
  };
}

/**
 * Returns the fields that place the image in space, with the file's own digits, for a segmentation of the same format.
 */
function spatialFields({
  sizes,
  spacings,
  origin,
  matrix,
}: MetaimageHeader): Readonly<Record<string, string>> {
  return {
    NDims: `${sizes.length}`,
    ...(spacings === null ? {} : { ElementSpacing: spacings.text }),
    ...(origin === null ? {} : { Offset: origin.text }),
    ...(matrix === null ? {} : { TransformMatrix: matrix.text }),
  };
}
