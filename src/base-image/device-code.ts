import { closeSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";
import { type ElfSection, elfSections } from "./elf-sections.js";
import { dropNeededLibraries } from "./needed-libraries.js";

/** Bytes of device code in a library by compute capability: `{ "8.0": 61000000, "9.0": 74000000 }`. */
export type CodeSizes = Readonly<Record<string, number>>;

/** Starts each container of device code in the section `.nv_fatbin`; CUDA's `fatbinary_section.h` names its fields. */
const containerMagic = 0xba55ed50;

/** What a copy of a CUDA library keeps. */
export interface CutLibrary {
  /** The compute capabilities whose code it keeps, such as `8.6`. */
  readonly capabilities: readonly string[];
  /** The libraries that it no longer loads, such as `libcurand.so.10`. */
  readonly dropped: readonly string[];
}

/**
 * Copies a CUDA library and fills the device code of other GPUs with zeros, which take no space in a compressed layer.
 * The code that is kept, and every offset, stays as it is.
 *
 * @throws Error for a file that is not a 64-bit ELF library with device code, or has none for a compute capability
 */
export function copyWithDeviceCode(
  from: string,
  to: string,
  { capabilities, dropped }: CutLibrary,
): CodeSizes {
  const bytes = readWhole(from);
  const sizes = keepDeviceCode(bytes, capabilities);
  dropNeededLibraries(bytes, dropped);
  writeFileSync(to, bytes);
  return sizes;
}

/**
 * Fills the device code of other GPUs with zeros.
 *
 * @param keep compute capabilities, such as `8.6`
 */
export function keepDeviceCode(bytes: Buffer, keep: readonly string[]): CodeSizes {
  const sizes: Record<string, number> = {};
  const { offset, size } = fatbinSection(bytes);
  for (let at = offset; at + 16 <= offset + size; ) {
    if (bytes.readUInt32LE(at) !== containerMagic) {
      at += 8;
      continue;
    }
    let entry = at + bytes.readUInt16LE(at + 6);
    const end = entry + Number(bytes.readBigUInt64LE(at + 8));
    while (entry < end) {
      const begin = entry + bytes.readUInt32LE(entry + 4);
      const length = Number(bytes.readBigUInt64LE(entry + 8));
      const capability = (bytes.readUInt32LE(entry + 28) / 10).toFixed(1);
      sizes[capability] = (sizes[capability] ?? 0) + length;
      if (!keep.includes(capability)) bytes.fill(0, begin, begin + length);
      entry = begin + length;
    }
    at = Math.ceil(end / 8) * 8;
  }
  const missing = keep.filter((capability) => sizes[capability] === undefined);
  if (missing.length > 0)
    throw new Error(`no code for ${missing.join(", ")}; there is code for ${Object.keys(sizes).join(", ")}`);
  return sizes;
}

function fatbinSection(bytes: Buffer): ElfSection {
  const found = elfSections(bytes).find(({ name }) => name === ".nv_fatbin");
  if (found === undefined) throw new Error("no device code: the library has no section .nv_fatbin");
  return found;
}

/** Unlike `readFileSync`, takes files of 2 GiB and more. */
function readWhole(path: string): Buffer {
  const file = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(fstatSync(file).size);
    const most = 2 ** 30;
    for (let at = 0; at < bytes.length; ) {
      const read = readSync(file, bytes, at, Math.min(most, bytes.length - at), at);
      if (read === 0) throw new Error(`${path} ended early`);
      at += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
