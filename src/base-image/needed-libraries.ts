import { type ElfSection, elfSections, textAt } from "./elf-sections.js";

const entryBytes = 16;
/** The tag of an entry that names a library to load (elf(5), DT_NEEDED). */
const neededTag = 1n;

/**
 * Makes a library load some libraries no longer. It must use nothing of them. The entries that follow move up, and zeros end
 * the list.
 *
 * @param names for example `libcurand.so.10`
 * @throws Error for a file that is not a 64-bit ELF library, or does not load one of them, or calls one of them
 */
export function dropNeededLibraries(bytes: Buffer, names: readonly string[]): void {
  if (names.length === 0) return;
  const sections = elfSections(bytes);
  const [list, texts, versions] = [".dynamic", ".dynstr", ".gnu.version_r"].map((wanted) =>
    sections.find(({ name }) => name === wanted),
  );
  if (list === undefined || texts === undefined) throw new Error("the library loads no others");
  const dropped: string[] = [];
  let to = list.offset;
  for (let at = list.offset; at < list.offset + list.size; at += entryBytes) {
    const isNeeded = bytes.readBigUInt64LE(at) === neededTag;
    const name = isNeeded ? textAt(bytes, texts.offset + Number(bytes.readBigUInt64LE(at + 8))) : "";
    if (names.includes(name)) {
      dropped.push(name);
      continue;
    }
    bytes.copy(bytes, to, at, at + entryBytes);
    to += entryBytes;
  }
  bytes.fill(0, to, list.offset + list.size);
  const called = versions === undefined ? [] : versionedLibraries(bytes, versions, texts);
  for (const name of names) if (called.includes(name)) throw new Error(`the library calls ${name}`);
  const missing = names.filter((name) => !dropped.includes(name));
  if (missing.length > 0) throw new Error(`the library does not load ${missing.join(", ")}`);
}

/** Lists the libraries of which a library uses symbols that have versions (Linux Standard Base, "Symbol versioning"). */
function versionedLibraries(bytes: Buffer, versions: ElfSection, texts: ElfSection): readonly string[] {
  const found: string[] = [];
  for (let at = versions.offset; at < versions.offset + versions.size; ) {
    found.push(textAt(bytes, texts.offset + bytes.readUInt32LE(at + 4)));
    const next = bytes.readUInt32LE(at + 12);
    if (next === 0) break;
    at += next;
  }
  return found;
}
