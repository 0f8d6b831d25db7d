import { loadUndisturbed } from "./end-threads.js";
import { loadNativeCalls } from "./native-calls.js";

/** The library that inflates whole files faster than zlib. */
export interface Libdeflate {
  /**
   * Fills `inflated`; false if the input is not exactly one member that inflates to as many bytes as `inflated` has, or if too many
   * calls run.
   */
  gunzip(packed: Buffer, inflated: Buffer): Promise<boolean>;
}

/** Undefined until the library is looked for. */
let found: Libdeflate | null | undefined;

/** Returns the library; null if the system has none. */
export function libdeflate(): Libdeflate | null {
  if (found === undefined) found = loadUndisturbed(findLibdeflate);
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

/** The package for native calls starts no more than 256 at a time. */
const couldNotStart = -1;

function bind(library: ReturnType<ReturnType<typeof loadNativeCalls>["load"]>): Libdeflate {
  const create = library.func("void *libdeflate_alloc_decompressor(void)");
  const free = library.func("void libdeflate_free_decompressor(void *decompressor)");
  const decompress = library.func(
    "int libdeflate_gzip_decompress_ex(void *decompressor, const void *in, size_t in_length, void *out, size_t out_length, _Out_ size_t *read, _Out_ size_t *written)",
  );
  return {
    async gunzip(packed, inflated) {
      const decompressor = create();
      if (decompressor === null) return false;
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
        ).catch(() => couldNotStart);
        return result === 0 && read[0] === packed.length && written[0] === inflated.length;
      } finally {
        free(decompressor);
      }
    },
  };
}
