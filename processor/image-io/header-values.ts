import { ProcessorError } from "../errors.js";
import type { ByteReader } from "./byte-source.js";

/** A longer header than this is refused, so that a hostile file cannot fill the memory. */
const longestHeaderBytes = 16 << 20;
const firstReadBytes = 1 << 16;

/**
 * Reads as much of a file as its header takes.
 *
 * @param parse returns null while the header's end is not among the bytes; `isWholeFile` says that there are no more
 */
export async function readHeader<Header>(
  reader: ByteReader,
  path: string,
  parse: (bytes: Buffer, isWholeFile: boolean) => Header | null,
): Promise<Header> {
  // Doubling keeps the work linear, although each try begins at the first byte.
  for (let wanted = firstReadBytes; wanted <= longestHeaderBytes; wanted *= 2) {
    const bytes = await reader.peek(wanted);
    const isWholeFile = bytes.length < wanted;
    const header = parse(bytes, isWholeFile);
    if (header !== null) return header;
    if (isWholeFile) throw new ProcessorError("IMAGE_TRUNCATED", `${path}: the file ends within its header`);
  }
  throw new ProcessorError(
    "IMAGE_INVALID",
    `${path}: the header does not end within its first ${longestHeaderBytes} bytes`,
  );
}

/** No repetition can match the same characters in two ways, so that a long word takes linear time. */
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** The finite number that a word stands for; null for any other word. */
export function decimalOf(word: string): number | null {
  // Number() alone would take "", "0x10" and "Infinity".
  if (!decimal.test(word)) return null;
  const value = Number(word);
  return Number.isFinite(value) ? value : null;
}

/** The words of a line, separated by blanks and tabs. */
export const wordsOf = (text: string): readonly string[] => text.split(/[ \t]/).filter((word) => word !== "");

/** A value of a header, shortened for a message. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/**
 * Text that was read as latin1 and may be UTF-8, as names of files are in most headers.
 *
 * Bytes that are not UTF-8 stay latin1.
 */
export function utf8Of(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(latin1, "latin1"));
  } catch {
    return latin1;
  }
}
