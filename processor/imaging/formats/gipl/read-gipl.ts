import { imageError } from "../../errors.js";
import { type Geometry, spacingOf } from "../../volume/geometry.js";
import type { Image } from "../../volume/image.js";
import { ByteReader, isGzip } from "../byte-source.js";
import { checkSizes } from "../check-sizes.js";
import { directionOfColumns } from "../direction-of-columns.js";
import { bytesOf, decodeElements } from "../element-type.js";
import type { ReadImageOptions } from "../read-image-options.js";
import { giplHeaderBytes, giplMagics, giplOffsets, giplTypes } from "./gipl-header.js";

/**
 * Reads `.gipl` and `.gipl.gz` as ITK does. ITK reads no direction from the header.
 *
 * @throws IMAGE_INVALID, IMAGE_UNSUPPORTED, IMAGE_TRUNCATED, IMAGE_EMPTY, INPUT_NOT_FOUND
 */
export async function readGipl(
  path: string,
  { fillsMissing = false }: ReadImageOptions = {},
): Promise<Image> {
  const isCompressed = path.toLowerCase().endsWith(".gz") && (await isGzip(path));
  const reader = await ByteReader.open({ path, compression: isCompressed ? "gzip" : "none", fillsMissing });
  try {
    const header = await reader.peek(giplHeaderBytes);
    if (header.length < giplHeaderBytes)
      throw imageError("IMAGE_TRUNCATED", `${path}: the file ends within its header`);
    if (!giplMagics.includes(header.readUInt32BE(giplOffsets.magic)))
      throw imageError("IMAGE_INVALID", `${path}: this is not a GIPL header (its magic number is missing)`);
    const code = header.readUInt16BE(giplOffsets.type);
    const type = giplTypes.get(code);
    if (type === undefined)
      throw imageError(
        "IMAGE_UNSUPPORTED",
        `${path}: its voxels have type ${code}; the types ${[...giplTypes.keys()].join(", ")} can be read`,
      );
    const sizes = sizesOf(header);
    checkSizes(path, sizes, bytesOf(type));
    const geometry = geometryOf(path, header, sizes);
    const count = sizes.reduce((product, size) => product * size, 1);
    const bytes = await reader.readData(giplHeaderBytes, count * bytesOf(type));
    await reader.finish();
    return {
      voxels: decodeElements(bytes, type, true),
      components: sizes[3] ?? 1,
      geometry,
      source: { path, format: "gipl" },
    };
  } finally {
    reader.destroy();
  }
}

/**
 * Returns the sizes, x first. A third size of 0 makes the image flat; a fourth size above 1 is the number of frames.
 */
function sizesOf(header: Buffer): readonly number[] {
  const sizes = [0, 1, 2, 3].map((axis) => header.readUInt16BE(giplOffsets.sizes + 2 * axis));
  const frames = sizes[3]!;
  if (frames > 1) return sizes;
  return sizes.slice(0, sizes[2] === 0 ? 2 : 3);
}

function geometryOf(path: string, header: Buffer, sizes: readonly number[]): Geometry {
  const isFlat = sizes.length === 2;
  const axes = isFlat ? [0, 1] : [0, 1, 2];
  const spacings = axes.map((axis) => header.readFloatBE(giplOffsets.spacings + 4 * axis));
  const origin = axes.map((axis) => header.readDoubleBE(giplOffsets.origin + 8 * axis));
  if (spacings.includes(0) || ![...spacings, ...origin].every(Number.isFinite))
    throw imageError(
      "IMAGE_INVALID",
      `${path}: its spacing (${spacings.join(" × ")}) and origin (${origin.join(", ")}) must be finite, and no spacing may be 0`,
    );
  const [x = 1, y = 1, z = 1] = sizes;
  const [ox = 0, oy = 0, oz = 0] = origin;
  const columns = axes.map((column) => axes.map((row) => (row === column ? 1 : 0)));
  return {
    sizeZyx: isFlat ? [1, y, x] : [z, y, x],
    spacingMmZyx: spacingOf(spacings.map(Math.abs), isFlat ? 2 : 3),
    originMmXyz: [ox, oy, oz],
    directionXyz: directionOfColumns(path, columns, spacings),
    dimensions: isFlat ? 2 : 3,
  };
}
