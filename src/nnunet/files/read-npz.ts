import { openRegularFile, unreadable } from "../../../processor/files/read-text-file.js";
import { ZipArchive } from "../../../processor/files/zip/zip-archive.js";
import { defaultZipLimits } from "../../../processor/files/zip/zip-entry-rules.js";
import { halfFloatTable } from "../../../processor/imaging/volume/float16.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";

/** An array of a `.npz` file in C order, as float32. */
export interface FloatArray {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** How precise the values are in the file. */
  readonly type: "f2" | "f4" | "f8";
}

/** The probabilities of a case of 600 × 512 × 512 voxels with 25 classes have 16 GB; more would not fit a machine. */
const maxBytes = 2 ** 35;

/** numpy compresses a uniform array far better than 1:100. */
const limits = { ...defaultZipLimits, maxTotalBytes: maxBytes, maxRatio: 2000 };

/**
 * Reads one array of a `.npz` file, such as `probabilities` of nnU-Net v2 or `softmax` of v1.
 *
 * @throws PROBABILITIES_INVALID if the file lacks the array, or the array is not made of float16, float32 or float64 in C
 *   order; ARCHIVE_INVALID, ARCHIVE_UNSAFE
 */
export async function readNpz(file: string, name: string): Promise<FloatArray> {
  const invalid = (what: string) => nnunetError("PROBABILITIES_INVALID", `${file}: ${what}`);
  const archive = await ZipArchive.open(file, limits);
  try {
    const entry = `${name}.npy`;
    if (!archive.has(entry)) {
      const names = archive.entries.map(({ path }) => path.replace(/\.npy$/, "")).join(", ");
      throw invalid(`has no array ${name}; it has ${names === "" ? "none" : names}`);
    }
    const bytes = Buffer.allocUnsafeSlow(archive.entry(entry).size);
    let filled = 0;
    for await (const chunk of archive.read(entry)) {
      bytes.set(chunk, filled);
      filled += chunk.length;
    }
    return parseNpy(bytes, invalid);
  } finally {
    await archive.close();
  }
}

/**
 * Reads a `.npy` file of floats in C order.
 *
 * @throws PROBABILITIES_INVALID
 */
export async function readNpy(file: string): Promise<FloatArray> {
  const invalid = (what: string) => nnunetError("PROBABILITIES_INVALID", `${file}: ${what}`);
  const handle = await openRegularFile(file).catch((cause: unknown) => {
    throw invalid(unreadable(cause));
  });
  try {
    const { size } = await handle.stat();
    if (size > maxBytes) throw invalid(`it has ${size} bytes, more than the ${maxBytes} that can be read`);
    const bytes = Buffer.allocUnsafeSlow(size);
    for (let filled = 0; filled < size; ) {
      const { bytesRead } = await handle.read(bytes, filled, Math.min(size - filled, 2 ** 30), filled);
      if (bytesRead === 0) throw invalid("it ends early");
      filled += bytesRead;
    }
    return parseNpy(bytes, invalid);
  } finally {
    await handle.close();
  }
}

/** numpy's header is a few hundred bytes. */
const maxHeaderBytes = 65_536;

function parseNpy(bytes: Buffer, invalid: (what: string) => Error): FloatArray {
  if (bytes.length < 12 || bytes.toString("latin1", 0, 6) !== "\u0093NUMPY")
    throw invalid("its array is not in numpy's format");
  const isFirst = bytes[6] === 1;
  const start = (isFirst ? 10 : 12) + (isFirst ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (start > Math.min(bytes.length, maxHeaderBytes)) throw invalid("its array has no complete header");
  const header = bytes.toString("latin1", 10, start);
  if (!header.includes("'fortran_order': False")) throw invalid("its array is in Fortran order");
  const type = /'descr': '([^']{1,10})'/.exec(header)?.[1] ?? "none";
  const shape = (/'shape': \(([\d, ]{0,200})\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const count = shape.reduce((product, size) => product * size, 1);
  const width = widths.get(type);
  const precision = (["f2", "f4", "f8"] as const).find((name) => type === `<${name}`);
  if (width === undefined || precision === undefined)
    throw invalid(`its array has the type ${type}, not float16, float32 or float64`);
  if (bytes.length - start !== count * width)
    throw invalid(
      `its array of ${shape.join(" × ")} has ${bytes.length - start} bytes, not ${count * width}`,
    );
  return { shape, values: floatsOf(bytes.subarray(start), type), type: precision };
}

const widths: ReadonlyMap<string, number> = new Map([
  ["<f2", 2],
  ["<f4", 4],
  ["<f8", 8],
]);

function floatsOf(data: Buffer, type: string): Float32Array {
  // numpy puts the data at a multiple of 16, and the buffer is its own: no copy is needed.
  const isAligned = data.byteOffset % 8 === 0;
  const { buffer, byteOffset, length } = isAligned ? data : Buffer.from(data);
  if (type === "<f4") return new Float32Array(buffer, byteOffset, length / 4);
  if (type === "<f8") return Float32Array.from(new Float64Array(buffer, byteOffset, length / 8));
  const table = halfFloatTable();
  return Float32Array.from(new Uint16Array(buffer, byteOffset, length / 2), (bits) => table[bits]!);
}
