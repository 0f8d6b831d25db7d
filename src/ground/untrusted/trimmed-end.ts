/**
 * Removes every `character` at the end of a text. Takes linear time, while a regular expression would take
 * quadratic time.
 *
 * @example trimmedEnd("https://mirror//", "/") // "https://mirror"
 */
export function trimmedEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
