import { open } from "node:fs/promises";
import { loadNativeCalls } from "../../files/native-calls.js";

/** Memory for one file, and for what it inflates to, that the next file may use again. */
export interface GunzipMemory {
  packed: Buffer;
  inflated: Buffer;
}

export const newGunzipMemory = (): GunzipMemory => ({ packed: Buffer.alloc(0), inflated: Buffer.alloc(0) });

/**
 * Inflates a gzip file at once with libdeflate, which takes two thirds of zlib's time. The system must have the library; Debian's
 * package is `libdeflate0`. The bytes are those that zlib gives, and the checksum was compared.
 *
 * @param mostBytes the largest number of inflated bytes to take memory for
 * @param memory is used if it is large enough, else replaced; the result is in it
 * @returns null if the library is missing, the file is too large, or it is anything but one undamaged member: zlib then reads
 *   it in parts, and says what is wrong with it
 */
export async function gunzipWhole(
  { path, start = 0 }: { readonly path: string; readonly start?: number },
  mostBytes: number,
  memory: GunzipMemory,
): Promise<Buffer | null> {
  const library = libdeflate();
  if (library === null) return null;
  const file = await open(path);
  try {
    const length = (await file.stat()).size - start;
    if (length < smallestMember || length > mostBytes) return null;
    const { buffer: end } = await file.read({ buffer: Buffer.alloc(4), position: start + length - 4 });
    const inflatedLength = end.readUInt32LE();
    if (inflatedLength > mostBytes) return null;
    memory.packed = atLeast(length, memory.packed);
    const packed = memory.packed.subarray(0, length);
    const { bytesRead } = await file.read({ buffer: packed, position: start });
    if (bytesRead < length) return null;
    memory.inflated = atLeast(inflatedLength, memory.inflated);
    const inflated = memory.inflated.subarray(0, inflatedLength);
    return (await library.gunzip(packed, inflated)) ? inflated : null;
  } finally {
    await file.close();
  }
}

/** The shortest member: a header of 10 bytes, 2 bytes of deflated data, the checksum and the length. */
const smallestMember = 20;

const atLeast = (length: number, buffer: Buffer): Buffer =>
  buffer.length >= length ? buffer : Buffer.allocUnsafeSlow(length);

interface Libdeflate {
  /** Fills `inflated`; false if the input is not exactly one member that inflates to so many bytes. */
  gunzip(packed: Buffer, inflated: Buffer): Promise<boolean>;
}

/** Undefined until the library is looked for; null if the system has none. */
let found: Libdeflate | null | undefined;

/** Returns whether `gunzipWhole` can do anything on this system. */
export const hasLibdeflate = (): boolean => libdeflate() !== null;

function libdeflate(): Libdeflate | null {
  if (found === undefined) found = findLibdeflate();
  return found;
}

const libraryNames: Partial<Record<NodeJS.Platform, string>> = {
  linux: "libdeflate.so.0",
  darwin: "libdeflate.0.dylib",
};

function findLibdeflate(): Libdeflate | null {
  const name = libraryNames[process.platform];
  if (name === undefined) return null;
  try {
    return bind(loadNativeCalls().load(name));
  } catch {
    return null;
  }
}

function bind(library: ReturnType<ReturnType<typeof loadNativeCalls>["load"]>): Libdeflate {
  const create = library.func("void *libdeflate_alloc_decompressor(void)");
  const free = library.func("void libdeflate_free_decompressor(void *decompressor)");
  const decompress = library.func(
    "int libdeflate_gzip_decompress_ex(void *decompressor, const void *in, size_t in_length, void *out, size_t out_length, _Out_ size_t *read, _Out_ size_t *written)",
  );
  return {
    async gunzip(packed, inflated) {
      const decompressor = create();
      try {
        const read = [0];
        const written = [0];
        const result = await new Promise<number>((resolve, reject) =>
          decompress.async(
            decompressor,
            packed,
            packed.length,
            inflated,
            inflated.length,
            read,
            written,
            (error: Error | null, code: number) => (error === null ? resolve(code) : reject(error)),
          ),
        );
        return result === 0 && read[0] === packed.length && written[0] === inflated.length;
      } finally {
        free(decompressor);
      }
    },
  };
}
