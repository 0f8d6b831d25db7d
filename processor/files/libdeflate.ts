import { loadUndisturbed } from "./end-threads.js";
import { loadNativeCalls, type Pointer } from "./native-calls.js";

/** Bytes of an open file. */
export interface FilePart {
  readonly fd: number;
  readonly start: number;
  readonly length: number;
}

/** The library that inflates whole files faster than zlib. */
export interface Libdeflate {
  /**
   * Fills `inflated`; false if the input is not exactly one member that inflates to as many bytes as `inflated` has, if it cannot be
   * read or held in memory, or if too many calls run.
   */
  gunzip(packed: FilePart, inflated: Buffer): Promise<boolean>;
}

/** Undefined until the library is looked for. */
let found: Libdeflate | null | undefined;

/** Returns the library; null if the system has none. */
export function libdeflate(): Libdeflate | null {
  if (found === undefined) found = loadUndisturbed(findLibdeflate);
  return found;
}

/** macOS does not look into Homebrew's folders by itself, but into the current one. */
const libraryNames: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: ["libdeflate.so.0"],
  darwin: ["/opt/homebrew/lib/libdeflate.0.dylib", "/usr/local/lib/libdeflate.0.dylib"],
};

function findLibdeflate(): Libdeflate | null {
  for (const name of libraryNames[process.platform] ?? []) {
    try {
      return bind(loadNativeCalls().load(name));
    } catch {
      // The next one may be there; without any, zlib is used.
    }
  }
  return null;
}

type Library = ReturnType<ReturnType<typeof loadNativeCalls>["load"]>;
type NativeFunction = ReturnType<Library["func"]>;

function bind(library: Library): Libdeflate {
  const system = loadNativeCalls().load(null);
  // Memory of JavaScript would stay until the garbage collection, and to detach it would slow down all typed arrays of the thread.
  const take = system.func("void *malloc(size_t length)");
  const giveBack = system.func("void free(void *memory)");
  const read = system.func("int64_t pread(int fd, void *memory, size_t length, int64_t start)");
  const create = library.func("void *libdeflate_alloc_decompressor(void)");
  const free = library.func("void libdeflate_free_decompressor(void *decompressor)");
  const decompress = library.func(
    "int libdeflate_gzip_decompress_ex(void *decompressor, const void *in, size_t in_length, void *out, size_t out_length, _Out_ size_t *read, _Out_ size_t *written)",
  );

  async function fill(memory: Pointer, { fd, start, length }: FilePart): Promise<boolean> {
    for (let done = 0; done < length; ) {
      const count = await answerOf(read, fd, memory + BigInt(done), length - done, start + done);
      if (count <= 0) return false;
      done += count;
    }
    return true;
  }

  return {
    async gunzip(packed, inflated) {
      const memory = take(packed.length) as Pointer | null;
      const decompressor = create() as Pointer | null;
      try {
        if (memory === null || decompressor === null || !(await fill(memory, packed))) return false;
        const taken = [0];
        const written = [0];
        const input = [decompressor, memory, packed.length];
        const result = await answerOf(decompress, ...input, inflated, inflated.length, taken, written);
        return result === 0 && taken[0] === packed.length && written[0] === inflated.length;
      } finally {
        free(decompressor);
        giveBack(memory);
      }
    },
  };
}

/** Calls a function in another thread. Returns -1 if it cannot start: no more than 256 calls run at a time. */
const answerOf = (call: NativeFunction, ...words: readonly unknown[]): Promise<number> =>
  new Promise<number>((resolve, reject) =>
    call.async(...words, (error: Error | null, answer: number) =>
      error === null ? resolve(answer) : reject(error),
    ),
  ).catch(() => -1);
