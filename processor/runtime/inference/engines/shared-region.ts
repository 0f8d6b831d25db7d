import { ftruncateSync } from "node:fs";
import { loadNativeCalls, type NativeCalls, type Pointer } from "../../../files/native-calls.js";

/** Memory that a process shares with its child. It has no name and ends with both processes. */
export interface SharedRegion {
  /** The file descriptor, which a child inherits. */
  readonly descriptor: number;
  readonly memory: MappedMemory;
  close(): void;
}

/** Memory of this process that is mapped to a file descriptor. */
export interface MappedMemory {
  readonly address: Pointer;
  floats(byteOffset: number, length: number): Float32Array;
  bytes(byteOffset: number, length: number): Uint8Array;
  /** After this call, no array of this memory may be used. */
  unmap(): void;
}

/**
 * Creates shared memory of some bytes. Linux allocates pages when they are first written. It counts for the control
 * group's memory, but not for the size of /dev/shm, which is 64 MB in a container.
 *
 * @param partStarts as for `mapMemory`
 * @throws Error with the reason if the system refuses, or the package that calls functions of C is missing
 */
export function createSharedRegion(bytes: number, partStarts: readonly number[] = [0]): SharedRegion {
  const calls = loadNativeCalls();
  const library = calls.load(null);
  const create = library.func("int memfd_create(const char *name, unsigned int flags)");
  // A worker thread of Node warns if its own function closes a descriptor that it did not open.
  const closeDescriptor = library.func("int close(int descriptor)");
  const descriptor = create("nnunet-processor", closeOnExec) as number;
  if (descriptor < 0) throw systemError(calls, "memfd_create");
  try {
    ftruncateSync(descriptor, bytes);
    const memory = mapMemory(descriptor, bytes, partStarts);
    return {
      descriptor,
      memory,
      close() {
        memory.unmap();
        closeDescriptor(descriptor);
      },
    };
  } catch (error) {
    closeDescriptor(descriptor);
    throw error;
  }
}

/**
 * Maps the first bytes of a file descriptor into this process, shared with every other process that does so.
 *
 * @param partStarts where the parts begin, in ascending order from 0. No array may reach from one part into the next, and
 *   none may begin in a part of 4 GiB or more: Node ends the process if such a part becomes an ArrayBuffer.
 * @throws Error with the reason if the system refuses
 */
export function mapMemory(
  descriptor: number,
  bytes: number,
  partStarts: readonly number[] = [0],
): MappedMemory {
  const calls = loadNativeCalls();
  const library = calls.load(null);
  const map = library.func(
    "void *mmap(void *address, size_t length, int protection, int flags, int descriptor, int64_t offset)",
  );
  const address = map(null, bytes, readAndWrite, sharedMapping, descriptor, 0) as Pointer | null;
  if (address === null || address === failedMapping) throw systemError(calls, "mmap");
  const parts = partStarts.map((start, i) => {
    const length = (partStarts[i + 1] ?? bytes) - start;
    return { start, buffer: length > mostViewBytes ? null : calls.view(address + BigInt(start), length) };
  });
  const at = (byteOffset: number): [ArrayBuffer, number] => {
    const { start, buffer } = parts.findLast((part) => part.start <= byteOffset)!;
    if (buffer === null) throw new Error("out of memory: the network's answer has more than 4 GiB");
    return [buffer, byteOffset - start];
  };
  return {
    address,
    floats: (byteOffset, length) => new Float32Array(...at(byteOffset), length),
    bytes: (byteOffset, length) => new Uint8Array(...at(byteOffset), length),
    unmap: () => void library.func("int munmap(void *address, size_t length)")(address, bytes),
  };
}

/** The largest Buffer of Node 20. */
const mostViewBytes = 2 ** 32;

/** Values of Linux's headers. */
const closeOnExec = 1;
const readAndWrite = 1 | 2;
const sharedMapping = 1;
const failedMapping = 0xffff_ffff_ffff_ffffn;

function systemError(calls: NativeCalls, name: string): Error {
  const number = calls.errno();
  const code = Object.entries(calls.os.errno).find(([, value]) => value === number)?.[0] ?? number;
  return new Error(`${name} failed: ${code}${code === "ENOMEM" ? " (out of memory)" : ""}`);
}
