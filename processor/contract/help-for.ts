/**
 * Returns the remedy of an error without the sentences that name a flag which the failing program does not have.
 *
 * @param flags the flags of the program with their dashes, including the short ones: `--output`, `-o`
 * @example helpFor("Move it. --overwrite replaces it.", new Set(["--model-dir"])) // "Move it."
 */
export function helpFor(help: string, flags: ReadonlySet<string>): string {
  return sentencesOf(help)
    .filter((sentence) => flagsIn(sentence).every((flag) => flags.has(flag)))
    .join(" ");
}

/** Splits a text into sentences. A sentence ends before a capital letter, a flag or a command. */
export const sentencesOf = (text: string): readonly string[] => text.split(/(?<=[.!?…])\s+(?=[A-Z`-])/);

/**
 * Returns the flags in a text, except those in a command line between backticks, which belong to that command.
 *
 * @example flagsIn("Pass --tag, or run `docker save -o FILE`.") // ["--tag"]
 */
export function flagsIn(text: string): readonly string[] {
  const own = text
    .split("`")
    .filter((part, i) => i % 2 === 0 || part.startsWith("-"))
    .join(" ");
  return [...own.matchAll(/(?<![\w-])(--[a-z][a-z-]*[a-z]|-[a-z])(?![\w-])/g)].map(([, flag]) => flag!);
}
