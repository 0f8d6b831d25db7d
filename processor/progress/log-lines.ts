/** Platforms drop a line over 64 KiB; its end shows that something is missing. */
const maximumLineBytes = 60_000;

/**
 * Splits a text into lines that a log keeps: valid UTF-8, no carriage returns, and each well below 64 KiB.
 *
 * @returns at least one line, without ends
 */
export function logLines(text: string): readonly string[] {
  return text.split(/\r\n|[\r\n]/).map(boundedLine);
}

function boundedLine(line: string): string {
  const bytes = Buffer.from(line);
  if (bytes.length <= maximumLineBytes) return bytes.toString();
  let end = maximumLineBytes;
  // Continuation bytes of UTF-8 begin with 10: a character is kept whole or left out.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.toString("utf8", 0, end)} … (${bytes.length - end} bytes more)`;
}
