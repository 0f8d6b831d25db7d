import { rename, rm } from "node:fs/promises";
import { partialPathNextTo } from "../../../processor/files/partial-path.js";
import { outputError } from "../../../processor/files/write-file.js";
import { NpzWriter, npyHeader } from "../../../processor/nnunet-files/npz-writer.js";

/** An array for a `.npz` file. */
export interface NpzArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: "f4" | "f2" | "i2";
  /** The values in C order; float16 as bits. */
  readonly parts: readonly (Float32Array | Int16Array | Uint16Array)[];
}

export interface NpzOptions {
  /** True to compress as `numpy.savez_compressed` does; false to store the values, as `numpy.savez` does. */
  readonly isCompressed: boolean;
}

/**
 * Writes a `.npz` file, which appears under its name only when it is complete.
 *
 * @throws DISK_FULL, OUTPUT_UNWRITABLE
 */
export async function writeNpz(
  path: string,
  arrays: readonly NpzArray[],
  { isCompressed }: NpzOptions,
): Promise<void> {
  const partial = await partialPathNextTo(path);
  const writer = await NpzWriter.create(partial, isCompressed ? 1 : 0);
  try {
    for (const { name, shape, type, parts } of arrays) {
      await writer.begin(`${name}.npy`);
      await writer.write(npyHeader(shape, type));
      for (const values of parts) await writeInPieces(writer, values);
      await writer.end();
    }
    await writer.close();
    await rename(partial, path);
  } catch (error) {
    await writer.abandon();
    await rm(partial, { force: true });
    throw outputError(path, error);
  }
}

/** Pieces of this size keep the compressor busy without a second copy of the array. */
const pieceBytes = 1 << 24;

async function writeInPieces(writer: NpzWriter, values: NpzArray["parts"][number]): Promise<void> {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  for (let at = 0; at < bytes.length; at += pieceBytes)
    // zlib does not take shared memory.
    await writer.write(Uint8Array.from(bytes.subarray(at, at + pieceBytes)));
}
