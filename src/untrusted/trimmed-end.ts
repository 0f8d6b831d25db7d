/**
 * Removes every `character` at the end of a text.
 *
 * A regular expression would count the same characters again from each of them, in time by the square of their number.
 *
 * @example trimmedEnd("https://mirror//", "/") // "https://mirror"
 */
export function trimmedEnd(text: string, character: string): string {
  let end = text.length;
  while (end > 0 && text[end - 1] === character) end--;
  return text.slice(0, end);
}
