/**
 * Returns the entry of a table that has a name; undefined if none has. Use it for a name that comes from a file, a request or
 * a command line: `table[name]` would also find what every object inherits, such as `constructor` and `toString`.
 */
export const ownEntry = <T>(table: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(table, name) ? table[name] : undefined;
