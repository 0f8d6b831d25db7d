/**
 * Names the first of many things in a message, and counts the others.
 *
 * @param most how many are named
 * @example someOf(["a", "b", "c", "d"], 3) // "a, b, c and 1 more"
 */
export const someOf = (names: readonly (string | number)[], most = 8): string =>
  `${names.slice(0, most).join(", ")}${names.length > most ? ` and ${names.length - most} more` : ""}`;
