import { imageError } from "../../errors.js";
import type { Image } from "../../volume/image.js";
import { zlibCompress } from "../compress.js";
import { bytesOf, type ElementType, elementTypeOf } from "../element-type.js";

/**
 * Encodes a TIFF of deflated slices, each in a page with one strip. The description contains the shape, as tifffile
 * writes it, so that readers do not take three slices for colours, or a volume of one slice for a flat image.
 *
 * @throws IMAGE_UNSUPPORTED for several components, or for more bytes than TIFF's 32-bit offsets can address
 */
export async function encodeTiff(
  { voxels, geometry, components }: Image,
  path: string,
): Promise<readonly Uint8Array[]> {
  if (components !== 1)
    throw imageError(
      "IMAGE_UNSUPPORTED",
      `${path}: a TIFF can hold one component, not ${components}; write .nii.gz instead`,
    );
  const [slices, height, width] = geometry.sizeZyx;
  const shape = geometry.dimensions === 2 ? [height, width] : [slices, height, width];
  const description = Buffer.from(`{"shape": [${shape.join(", ")}]}\0`, "latin1");
  const type = elementTypeOf(voxels);
  const sliceBytes = height * width * bytesOf(type);
  const bytes = new Uint8Array(voxels.buffer, voxels.byteOffset, voxels.byteLength);
  const parts: Uint8Array[] = [fileHeader(headerBytes + evenLength(description)), padded(description)];
  let end = headerBytes + evenLength(description);
  const compressed = await Promise.all(
    Array.from({ length: slices }, (_, slice) =>
      // The slice is copied, because zlib does not accept shared memory.
      zlibCompress(Uint8Array.from(bytes.subarray(slice * sliceBytes, (slice + 1) * sliceBytes))),
    ),
  );
  for (const [slice, data] of compressed.entries()) {
    const next = end + directoryBytes + evenLength(data);
    if (next > 2 ** 32)
      throw imageError("IMAGE_UNSUPPORTED", `${path}: a TIFF can hold at most 4 GB; write .nii.gz instead`);
    parts.push(
      encodeDirectory({
        width,
        height,
        type,
        dataAt: end + directoryBytes,
        dataBytes: data.length,
        description: { at: headerBytes, bytes: slice === 0 ? description.length : 0 },
        next: slice === slices - 1 ? 0 : next,
      }),
      padded(data),
    );
    end = next;
  }
  return parts;
}

const headerBytes = 8;

function fileHeader(firstDirectory: number): Uint8Array {
  const header = Buffer.from("II*\0\0\0\0\0", "latin1");
  header.writeUInt32LE(firstDirectory, 4);
  return header;
}

/** Returns the length rounded up to an even number, because directories and values begin at even offsets. */
const evenLength = ({ length }: Uint8Array): number => length + (length % 2);

const padded = (bytes: Uint8Array): Uint8Array =>
  bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);

interface DirectoryTask {
  readonly width: number;
  readonly height: number;
  readonly type: ElementType;
  readonly dataAt: number;
  readonly dataBytes: number;
  readonly description: { readonly at: number; readonly bytes: number };
  /** The offset of the next directory; 0 if there is none. */
  readonly next: number;
}

const fieldCount = 14;
const resolutionBytes = 8;
const directoryBytes = 2 + fieldCount * 12 + 4 + resolutionBytes;

/** Encodes the directory of a page. All pages have the same fields, so that their directories have the same length. */
function encodeDirectory(task: DirectoryTask): Uint8Array {
  const { width, height, type, dataAt, dataBytes, description, next } = task;
  const resolutionAt = dataAt - resolutionBytes;
  const isEmpty = description.bytes === 0;
  const fields: readonly (readonly [tag: number, type: number, count: number, value: number])[] = [
    [256, long, 1, width],
    [257, long, 1, height],
    [258, short, 1, 8 * bytesOf(type)],
    [259, short, 1, 8],
    [262, short, 1, 1],
    // Pages after the first have an empty description: one zero byte, in the entry itself.
    [270, ascii, isEmpty ? 1 : description.bytes, isEmpty ? 0 : description.at],
    [273, long, 1, dataAt],
    [277, short, 1, 1],
    [278, long, 1, height],
    [279, long, 1, dataBytes],
    [282, rational, 1, resolutionAt],
    [283, rational, 1, resolutionAt],
    [296, short, 1, noUnit],
    [339, short, 1, sampleFormatOf(type)],
  ];
  const bytes = Buffer.alloc(directoryBytes);
  bytes.writeUInt16LE(fields.length, 0);
  for (const [i, [tag, fieldType, count, value]] of fields.entries()) {
    const at = 2 + 12 * i;
    bytes.writeUInt16LE(tag, at);
    bytes.writeUInt16LE(fieldType, at + 2);
    bytes.writeUInt32LE(count, at + 4);
    bytes.writeUInt32LE(value, at + 8);
  }
  const end = 2 + 12 * fieldCount;
  bytes.writeUInt32LE(next, end);
  bytes.writeUInt32LE(1, end + 4);
  bytes.writeUInt32LE(1, end + 8);
  return bytes;
}

const ascii = 2;
const short = 3;
const long = 4;
const rational = 5;
/** The value of ResolutionUnit that makes the resolution only a ratio of the sides. */
const noUnit = 1;

const sampleFormatOf = (type: ElementType): number =>
  type.startsWith("uint") ? 1 : type.startsWith("int") ? 2 : 3;
