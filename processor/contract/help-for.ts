import { type ErrorCode, errorCatalogue } from "./errors.js";

/** The program that shows a remedy to its user. */
export interface HelpReader {
  readonly program: "build_processor" | "image";
  /** With their dashes, also the short ones: `--output`, `-o`. */
  readonly flags: ReadonlySet<string>;
}

/**
 * The remedy of an error, without the sentences that name a flag which the failing program lacks.
 *
 * @example helpFor("OUTPUT_EXISTS", { program: "build_processor", flags: new Set(["--overwrite"]) })
 * // "Move it away or choose another place. --overwrite replaces it."
 */
export function helpFor(code: ErrorCode, { program, flags }: HelpReader): string {
  const entry: { readonly help: string; readonly imageHelp?: string } = errorCatalogue[code];
  const help = program === "image" ? (entry.imageHelp ?? entry.help) : entry.help;
  return sentencesOf(help)
    .filter((sentence) => flagsIn(sentence).every((flag) => flags.has(flag)))
    .join(" ");
}

/** A sentence ends before a capital letter, a flag or a command. */
const sentencesOf = (text: string): readonly string[] => text.split(/(?<=[.!?…])\s+(?=[A-Z`-])/);

/**
 * The flags in a text. Those in a command line between backticks belong to that command and are left out.
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
