/** The longest line. Platforms drop lines over 64 KiB; the end of a shortened line shows that something is missing. */
const maximumLineBytes = 60_000;

/** Control characters, and characters that change the direction of text. A file's name may contain them. */
const controls = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/**
 * Returns a text that may contain a stranger's names as one safe line for a terminal or a log: characters that would move
 * the cursor, change colours or start a new line are shown as `\\x1b`.
 *
 * @example cleanLine("b\n\u001b[31mx.nii.gz") // "b\\x0a\\x1b[31mx.nii.gz"
 */
export const cleanLine = (line: string): string => line.replace(controls, escaped);

/** Cleans each line of a text. */
export const cleanLines = (text: string): string => text.split("\n").map(cleanLine).join("\n");

function escaped(character: string): string {
  if (character === "\t") return character;
  const code = character.codePointAt(0)!;
  return code < 0x100
    ? `\\x${code.toString(16).padStart(2, "0")}`
    : `\\u${code.toString(16).padStart(4, "0")}`;
}

/**
 * Splits a text into lines that a log keeps: valid UTF-8, no carriage returns, and each well below 64 KiB.
 *
 * @returns at least one line, without ends
 */
export function logLines(text: string): readonly string[] {
  return text
    .split(/\r\n|[\r\n]/)
    .map(cleanLine)
    .map(boundedLine);
}

function boundedLine(line: string): string {
  const bytes = Buffer.from(line);
  if (bytes.length <= maximumLineBytes) return bytes.toString();
  let end = maximumLineBytes;
  // Continuation bytes of UTF-8 begin with 10: a character is kept whole or left out.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)} … (${bytes.length - end} bytes more)`;
}
