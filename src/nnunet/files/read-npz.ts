import { sharedError } from "../../../processor/contract/shared-errors.js";
import { openRegularFile, unreadable } from "../../../processor/files/read-text-file.js";
import { ZipArchive } from "../../../processor/files/zip/zip-archive.js";
import { defaultZipLimits } from "../../../processor/files/zip/zip-entry-rules.js";
import { halfFloatTable } from "../../../processor/imaging/volume/float16.js";
import { availableBytes, outOfMemoryMessage } from "../../../processor/runtime/run/memory-limit.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";

/** An array of a `.npz` file in C order, as float32. */
export interface FloatArray<Type extends NumberType = FloatType> {
  readonly shape: readonly number[];
  readonly values: Float32Array;
  /** The values' type in the file. */
  readonly type: Type;
}

type FloatType = (typeof floatTypes)[number];
type NumberType = keyof typeof widths;

/** The probabilities of a case of 600 × 512 × 512 voxels with 25 classes have 16 GB; more would not fit a machine. */
const maxBytes = 2 ** 34;

/** numpy compresses a uniform array far better than 1:100. */
const limits = { ...defaultZipLimits, maxTotalBytes: maxBytes, maxRatio: 2000 };

/**
 * Reads one array of a `.npz` file, such as `probabilities` of nnU-Net v2 or `softmax` of v1.
 *
 * @throws PROBABILITIES_INVALID if the file lacks the array, or the array is not made of float16, float32 or float64 in C
 *   order; ARCHIVE_INVALID, ARCHIVE_UNSAFE
 */
export const readNpz = (file: string, name: string): Promise<FloatArray> =>
  readArray(file, name, { types: floatTypes, code: "PROBABILITIES_INVALID" });

/**
 * Reads one array of a preprocessed case, `data` or `seg`, whose labels are int8 or int16.
 *
 * @throws NOT_PREPROCESSED for another array; ARCHIVE_INVALID, ARCHIVE_UNSAFE
 */
export const readPreprocessedNpz = (file: string, name: "data" | "seg"): Promise<FloatArray<NumberType>> =>
  readArray(file, name, { types: [...floatTypes, "i1", "i2"], code: "NOT_PREPROCESSED" });

interface ArrayRule<Type extends NumberType> {
  readonly types: readonly Type[];
  /** The error if the array is another one. */
  readonly code: "PROBABILITIES_INVALID" | "NOT_PREPROCESSED";
}

async function readArray<Type extends NumberType>(
  file: string,
  name: string,
  { types, code }: ArrayRule<Type>,
): Promise<FloatArray<Type>> {
  const invalid = (what: string) => nnunetError(code, `${file}: ${what}`);
  const archive = await ZipArchive.open(file, limits);
  try {
    const entry = `${name}.npy`;
    if (!archive.has(entry)) {
      const names = archive.entries.map(({ path }) => path.replace(/\.npy$/, "")).join(", ");
      throw invalid(`has no array ${name}; it has ${names === "" ? "none" : names}`);
    }
    return await arrayOf(archive.read(entry), archive.entry(entry).size, { types, invalid });
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
    const options = { highWaterMark: 1 << 20, autoClose: false };
    const bytes = handle.createReadStream(options) as AsyncIterable<Buffer>;
    return await arrayOf(bytes, size, { types: floatTypes, invalid });
  } finally {
    await handle.close();
  }
}

/** numpy's header is a few hundred bytes. */
const maxHeaderBytes = 65_536;

/** Reads an array after its header has been checked. Before Node 22, a Buffer has at most 4 GiB, so each part is a view. */
async function arrayOf<Type extends NumberType>(
  chunks: AsyncIterable<Uint8Array>,
  sizeBytes: number,
  wanted: Wanted<Type>,
): Promise<FloatArray<Type>> {
  const { invalid } = wanted;
  let head = Buffer.alloc(0);
  let found: ArrayHead<Type> | null = null;
  let data = new ArrayBuffer(0);
  let filled = 0;
  for await (const chunk of chunks) {
    let part = chunk;
    if (found === null) {
      head = Buffer.concat([head, chunk]);
      found = headOf(head, sizeBytes, wanted);
      if (found === null) continue;
      data = new ArrayBuffer(fitting(sizeBytes - found.start, found.shape));
      part = head.subarray(found.start);
    }
    if (filled + part.length > data.byteLength) throw invalid("it has changed while it was read");
    new Uint8Array(data, filled, part.length).set(part);
    filled += part.length;
  }
  if (found === null) throw invalid("its array has no complete header");
  if (filled < data.byteLength) throw invalid("it ends early");
  return { shape: found.shape, values: floatsOf(data, found.type), type: found.type };
}

/**
 * Returns the number of bytes.
 *
 * @throws OUT_OF_MEMORY before a small file that stands for a huge array makes the machine slow
 */
function fitting(bytes: number, shape: readonly number[]): number {
  if (bytes <= availableBytes()) return bytes;
  throw sharedError(
    "OUT_OF_MEMORY",
    outOfMemoryMessage(`an array of ${shape.join(" × ")} has ${bytes} bytes`),
  );
}

/** The types that are taken. */
interface Wanted<Type extends NumberType> {
  readonly types: readonly Type[];
  readonly invalid: (what: string) => Error;
}

interface ArrayHead<Type extends NumberType> {
  /** Where the values begin. */
  readonly start: number;
  readonly shape: readonly number[];
  readonly type: Type;
}

/** Returns null if the header is not complete yet. */
function headOf<Type extends NumberType>(
  bytes: Buffer,
  sizeBytes: number,
  { types, invalid }: Wanted<Type>,
): ArrayHead<Type> | null {
  if (bytes.length < 12) return null;
  if (bytes.toString("latin1", 0, 6) !== "\u0093NUMPY") throw invalid("its array is not in numpy's format");
  const isFirst = bytes[6] === 1;
  const start = (isFirst ? 10 : 12) + (isFirst ? bytes.readUInt16LE(8) : bytes.readUInt32LE(8));
  if (start > Math.min(sizeBytes, maxHeaderBytes)) throw invalid("its array has no complete header");
  if (bytes.length < start) return null;
  const header = bytes.toString("latin1", 10, start);
  if (!header.includes("'fortran_order': False")) throw invalid("its array is in Fortran order");
  const name = /'descr': '([^']{1,10})'/.exec(header)?.[1] ?? "none";
  const shape = (/'shape': \(([\d, ]{0,200})\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((size) => size.trim() !== "")
    .map(Number);
  const type = types.find((one) => name === `<${one}` || name === `|${one}`);
  if (type === undefined)
    throw invalid(`its array has the type ${name}, not ${types.map((one) => typeNames[one]).join(", ")}`);
  const wanted = shape.reduce((product, size) => product * size, widths[type]);
  if (sizeBytes - start !== wanted)
    throw invalid(`its array of ${shape.join(" × ")} has ${sizeBytes - start} bytes, not ${wanted}`);
  return { start, shape, type };
}

const floatTypes = ["f2", "f4", "f8"] as const;
const widths = { f2: 2, f4: 4, f8: 8, i1: 1, i2: 2 } as const;
const typeNames = { f2: "float16", f4: "float32", f8: "float64", i1: "int8", i2: "int16" } as const;

function floatsOf(data: ArrayBuffer, type: NumberType): Float32Array {
  if (type === "f4") return new Float32Array(data);
  if (type === "f8") return Float32Array.from(new Float64Array(data));
  if (type === "i1") return Float32Array.from(new Int8Array(data));
  if (type === "i2") return Float32Array.from(new Int16Array(data));
  const table = halfFloatTable();
  return Float32Array.from(new Uint16Array(data), (bits) => table[bits]!);
}
