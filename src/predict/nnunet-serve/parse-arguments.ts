import { nearest } from "../../../processor/contract/nearest-name.js";
import { sharedError } from "../../../processor/contract/shared-errors.js";
import {
  otherDicomSwitch,
  type ServeOption,
  type ServeOptionName,
  serveOptions,
  shortenedOptions,
} from "./options.js";

/** The words after each option that a command line has; a switch has none. */
export type ServeWords = ReadonlyMap<ServeOptionName, readonly string[]>;

type KnownOption = ServeOption & { readonly name: ServeOptionName };

const options: readonly KnownOption[] = serveOptions;

/**
 * Parses a command line of nnunet_serve as Python's argparse does: `-ckpt x` is one option, `-i A B` takes both words, a
 * long option may be shortened or written with `=`, and switches may be joined (`-Dt`).
 *
 * @throws USAGE for an unknown or ambiguous option, with the nearest name; for a missing value; for an option given twice
 */
export function parseServeArguments(argv: readonly string[]): ServeWords {
  const found = new Map<ServeOptionName, readonly string[]>();
  for (let i = 0; i < argv.length; ) {
    const word = argv[i++]!;
    if (!isOption(word)) throw stray(word, argv, i - 1);
    const { option, attached, others } = optionOf(word);
    for (const other of others) put(found, other, []);
    if (option.takes === "nothing") {
      if (attached !== null)
        throw sharedError("USAGE", `--${option.name} is a switch, so ${word} has a value too many`);
      put(found, option, []);
      continue;
    }
    const values = attached === null ? [] : [attached];
    const most = option.takes === "one" ? 1 : Number.POSITIVE_INFINITY;
    while (values.length < most && i < argv.length && !isOption(argv[i]!)) values.push(argv[i++]!);
    if (values.length === 0) throw sharedError("USAGE", `${shown(option)} needs a value`);
    put(found, option, values);
  }
  return found;
}

/** Negative numbers are values. */
const isOption = (word: string): boolean => /^-/.test(word) && !/^-(?:\d|\.\d|$)/.test(word);

const shown = ({ name, short }: ServeOption): string =>
  short === undefined ? `--${name}` : `--${name} (${short})`;

function put(
  found: Map<ServeOptionName, readonly string[]>,
  option: KnownOption,
  values: readonly string[],
): void {
  if (option.takes !== "nothing" && found.has(option.name))
    throw sharedError(
      "USAGE",
      option.takes === "many"
        ? `${shown(option)} is given twice; write all values after one of them`
        : `${shown(option)} is given twice`,
    );
  found.set(option.name, values);
}

interface FoundOption {
  readonly option: KnownOption;
  /** The value in the same word; null if there is none. */
  readonly attached: string | null;
  /** The switches before the option in the same word. */
  readonly others: readonly KnownOption[];
}

function optionOf(word: string): FoundOption {
  return word.startsWith("--") ? longOption(word) : shortOption(word);
}

function longOption(word: string): FoundOption {
  const [, name = "", value] = /^--([^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  const wanted = name.replaceAll("-", "_");
  const exact = options.find((option) => option.name === wanted);
  const starting = options.filter(
    (option) => wanted.length > 0 && shortenedOptions.has(option.name) && option.name.startsWith(wanted),
  );
  if (exact === undefined && starting.length > 1)
    throw sharedError(
      "USAGE",
      `--${name} can be ${starting.map((option) => `--${option.name}`).join(" or ")}; write all of it`,
    );
  const option = exact ?? starting[0];
  if (option === undefined) throw unknown(`--${name}`, wanted);
  return { option, attached: value ?? null, others: [] };
}

function shortOption(word: string): FoundOption {
  const [, name = "", value] = /^(-[^=]*)(?:=([\s\S]*))?$/.exec(word) ?? [];
  const exact = byShortName(name);
  if (exact !== undefined) return { option: exact, attached: value ?? null, others: [] };
  // A part of `-ckpt` is not `-c` with a value.
  const longer = options.find(({ short = "" }) => short.length > name.length && short.startsWith(name));
  if (longer !== undefined) throw sharedError("USAGE", `no option ${name}; did you mean ${longer.short}?`);
  const others: KnownOption[] = [];
  for (let at = 1; at < word.length; at++) {
    const option = byShortName(`-${word[at]}`);
    if (option === undefined) break;
    const rest = word.slice(at + 1);
    if (option.takes !== "nothing") {
      // Other words are options of other programs, such as -chk and -step_size.
      if (rest !== "" && !/^[\d./]/.test(rest)) break;
      return { option, attached: rest === "" ? null : rest, others };
    }
    if (at === word.length - 1) return { option, attached: null, others };
    others.push(option);
  }
  throw unknown(name, name.slice(1).replaceAll("-", "_"));
}

const byShortName = (name: string): KnownOption | undefined =>
  options.find(({ short }) => short === (name === otherDicomSwitch ? "-D" : name));

function unknown(written: string, wanted: string) {
  const near = nearest(
    wanted,
    options.map(({ name }) => name),
  );
  return sharedError("USAGE", `no option ${written}${near === null ? "" : `; did you mean --${near}?`}`);
}

function stray(word: string, argv: readonly string[], at: number) {
  const before = argv.slice(0, at).findLast(isOption);
  const hint = before === undefined ? "" : `; ${before} takes no more values`;
  return sharedError("USAGE", `nothing takes the argument ${word}${hint}`);
}
