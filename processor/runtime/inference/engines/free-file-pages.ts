import { readFileSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { loadNativeCalls } from "../../../files/native-calls.js";

/**
 * Gives back the memory of files that a library has mapped for reading, such as the weights of a network that is compiled
 * now. The system reads them again if they are needed after all.
 *
 * @param besideFile a file in the folder of the mapped files
 */
export function freeFilePages(besideFile: string): void {
  if (process.platform !== "linux") return;
  const folder = join(resolve(dirname(besideFile)), sep);
  const advise = loadNativeCalls().load(null).func("int madvise(void *address, size_t length, int advice)");
  for (const { start, length, path } of readOnlyMappings(readFileSync("/proc/self/maps", "utf8")))
    if (path.startsWith(folder)) advise(start, length, notNeeded);
}

/** @example readOnlyMappings("7f00-7f02 r--s 0 fe:00 1 /a.weights\n") // one of 2 bytes at 0x7f00 */
export function readOnlyMappings(maps: string) {
  return [...maps.matchAll(/^([0-9a-f]+)-([0-9a-f]+) r--. \S+ \S+ \S+ +(\/.*)$/gm)].map(
    ([, from, to, path]) => ({
      start: BigInt(`0x${from}`),
      length: Number(BigInt(`0x${to}`) - BigInt(`0x${from}`)),
      path: path!,
    }),
  );
}

/** MADV_DONTNEED of Linux's headers. */
const notNeeded = 4;
