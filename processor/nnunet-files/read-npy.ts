import { openRegularFile } from "../files/read-text-file.js";
import { imageError } from "../imaging/errors.js";

/** An array of a `.npy` file in C order. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** numpy's name, such as `<f4`. */
  readonly type: string;
  /** The values as stored, at an address that any type can view. */
  readonly data: ArrayBuffer;
}

/** The largest array that is read. */
const maxBytes = 2 ** 35;
const maxHeaderBytes = 65_536;
const widths: ReadonlyMap<string, number> = new Map([
  ["<f4", 4],
  ["<f8", 8],
  ["<i4", 4],
  ["<i8", 8],
]);

/**
 * Reads a `.npy` file of floats or integers.
 *
 * @throws IMAGE_INVALID
 */
export async function readNpyFile(path: string): Promise<NpyArray> {
  const invalid = (what: string) => imageError("IMAGE_INVALID", `${path}: ${what}`);
  const handle = await openRegularFile(path).catch((cause: unknown) => {
    throw imageError("IMAGE_INVALID", `${path} cannot be read`, { cause });
  });
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(Math.min(size, maxHeaderBytes));
    await handle.read(head, 0, head.length, 0);
    if (head.length < 12 || head.toString("latin1", 0, 6) !== "\u0093NUMPY")
      throw invalid("it is not in numpy's format");
    const isFirst = head[6] === 1;
    const start = (isFirst ? 10 : 12) + (isFirst ? head.readUInt16LE(8) : head.readUInt32LE(8));
    if (start > head.length) throw invalid("it has no complete header");
    const header = head.toString("latin1", 10, start);
    const type = /'descr': '([^']{1,10})'/.exec(header)?.[1] ?? "none";
    const width = widths.get(type);
    if (width === undefined || !header.includes("'fortran_order': False"))
      throw invalid(`it should hold numbers of the types ${[...widths.keys()].join(", ")} in C order`);
    const shape = (/'shape': \(([\d, ]{0,200})\)/.exec(header)?.[1] ?? "")
      .split(",")
      .filter((length) => length.trim() !== "")
      .map(Number);
    const bytes = shape.reduce((a, b) => a * b, width);
    if (size - start !== bytes || bytes > maxBytes)
      throw invalid(`its array of ${shape.join(" × ")} has ${size - start} bytes, not ${bytes}`);
    const data = new Uint8Array(bytes);
    for (let filled = 0; filled < bytes; ) {
      const { bytesRead } = await handle.read(
        data,
        filled,
        Math.min(bytes - filled, 2 ** 30),
        start + filled,
      );
      if (bytesRead === 0) throw invalid("it ends early");
      filled += bytesRead;
    }
    return { shape, type, data: data.buffer };
  } finally {
    await handle.close();
  }
}
