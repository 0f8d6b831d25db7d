import { imageError } from "../errors.js";
import type { ByteReader } from "./byte-source.js";

/** The longest header that is accepted, so that a hostile file cannot fill the memory. */
const longestHeaderBytes = 16 << 20;
const firstReadBytes = 1 << 16;

/**
 * Reads as much of a file as its header takes.
 *
 * @param parse returns null until the bytes contain the end of the header; `isWholeFile` is true if the file has no
 *   more bytes
 */
export async function readHeader<Header>(
  reader: ByteReader,
  path: string,
  parse: (bytes: Buffer, isWholeFile: boolean) => Header | null,
): Promise<Header> {
  // Doubling keeps the work linear, although each attempt starts at the first byte.
  for (let wanted = firstReadBytes; wanted <= longestHeaderBytes; wanted *= 2) {
    const bytes = await reader.peek(wanted);
    const isWholeFile = bytes.length < wanted;
    const header = parse(bytes, isWholeFile);
    if (header !== null) return header;
    if (isWholeFile) throw imageError("IMAGE_TRUNCATED", `${path}: the file ends within its header`);
  }
  throw imageError(
    "IMAGE_INVALID",
    `${path}: the header does not end within its first ${longestHeaderBytes} bytes`,
  );
}

/** No two repetitions can match the same characters, so that a long word takes linear time. */
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Returns the finite number that a word stands for; null if it does not stand for one. */
export function decimalOf(word: string): number | null {
  // Number() alone would accept "", "0x10" and "Infinity".
  if (!decimal.test(word)) return null;
  const value = Number(word);
  return Number.isFinite(value) ? value : null;
}

/** Returns the words of a line, which blanks and tabs separate. */
export const wordsOf = (text: string): readonly string[] => text.split(/[ \t]/).filter((word) => word !== "");

/** Returns a header value for a message, quoted and shortened. */
export const shown = (text: string): string =>
  JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);

/**
 * Decodes text that was read as latin1 but may be UTF-8, as file names in headers usually are. Text that is not valid
 * UTF-8 stays as it is.
 */
export function utf8Of(latin1: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(latin1, "latin1"));
  } catch {
    return latin1;
  }
}
