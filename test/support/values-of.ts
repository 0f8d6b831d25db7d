/** Returns the values of a flag in a command line: the words between it and the next flag. */
export function valuesOf(argv: readonly string[], flag: string): readonly string[] {
  const start = argv.indexOf(flag);
  if (start < 0) return [];
  const rest = argv.slice(start + 1);
  const end = rest.findIndex((word) => word.startsWith("-"));
  return end < 0 ? rest : rest.slice(0, end);
}
