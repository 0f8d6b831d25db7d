/**
 * Returns a number of things, with the noun in the singular or the plural.
 *
 * @example counted(1, "file") // "1 file"
 * @example counted(3, "entry", "entries") // "3 entries"
 */
export const counted = (count: number, one: string, several = `${one}s`): string =>
  `${count} ${count === 1 ? one : several}`;
