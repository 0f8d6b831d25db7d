import type { ProcessorError } from "../../processor/contract/errors.js";
import { nearest } from "../../processor/contract/nearest-name.js";
import { sharedError } from "../../processor/contract/shared-errors.js";

export interface UsageContext {
  readonly argv: readonly string[];
  /** The names of the commands, without the default command. */
  readonly commandNames: readonly string[];
  /** The options of the command, without dashes. */
  readonly optionNames: readonly string[];
  /** The command's positional arguments and their descriptions. */
  readonly positionals: readonly (readonly [name: string, description: string])[];
}

/** Replaces yargs' message by sentences that name the option and the values that it takes. */
export function usageError(message: string, context: UsageContext): ProcessorError {
  const lines = unknownWords(message, context) ?? badChoices(message, context) ?? missing(message, context);
  return sharedError("USAGE", lines?.join("\n") ?? message.trim().split("\n").at(-1)!);
}

function unknownWords(
  message: string,
  { argv, commandNames, optionNames }: UsageContext,
): readonly string[] | null {
  const command = commandNames.find((name) => name === argv[0]);
  const unknown = /^Unknown arguments?: (.+)$/m.exec(message)?.[1]?.split(", ");
  if (unknown === undefined) return null;
  // yargs reports an unknown flag twice, as written and in camel case, and without the keys that follow a dot.
  const given = argv.filter((word) => word.startsWith("-")).map((word) => word.split(/[=.]/)[0]!);
  // yargs takes the "no-" off a flag that it does not know.
  const dashesOf = (word: string): string =>
    ["--", "-", "--no-"].find((dashes) => given.includes(dashes + word)) ?? "";
  const isFlag = (word: string): boolean => dashesOf(word) !== "";
  const written = unknown.filter((word) => isFlag(word) || argv.includes(word));
  // The words after a misspelled command, and its options, are those of the command that was meant.
  const misspelled = command === undefined ? written.find((word) => !isFlag(word)) : undefined;
  const isMeant = (word: string): boolean => isFlag(word) && misspelled !== argv[0];
  return written
    .filter((word) => misspelled === undefined || word === misspelled || isMeant(word))
    .map((word) => {
      if (!isFlag(word) && command !== undefined) return `${command} takes no argument ${word}`;
      const near = nearest(word, isFlag(word) ? optionNames : commandNames);
      const dashes = dashesOf(word);
      const kind = isFlag(word) ? "option" : "command";
      const meant = dashes === "-" ? `--${near}` : `${dashes}${near}`;
      return `no ${kind} ${dashes}${word}${near === null ? "" : `; did you mean ${meant}?`}`;
    });
}

/** Reads `  Argument: cuda, Given: "11", Choices: "12", "13"`. */
function badChoices(message: string, { optionNames }: UsageContext): readonly string[] | null {
  const found = [...message.matchAll(/^ *Argument: (\S+), Given: (.+), Choices: (.+)$/gm)];
  if (found.length === 0) return null;
  return found.map(([, name = "", given = "", choices = ""]) => {
    const word = given.replace(/^"|"$/g, "");
    const allowed = choices.split(", ").map((choice) => choice.replace(/^"|"$/g, ""));
    // A word of three letters is too short for a useful suggestion.
    const near = word.length > 3 ? nearest(word, allowed) : null;
    const option = optionNames.includes(name) ? `--${name} ` : "";
    return `${option}${word}: it takes ${listed(allowed, "or")}${near === null ? "" : `; did you mean ${near}?`}`;
  });
}

/**
 * Reads `Missing required arguments: input, output`, `Not enough non-option arguments: got 1, need at least 2` or
 * `Not enough arguments following: tag`.
 */
function missing(message: string, { positionals }: UsageContext): readonly string[] | null {
  const given = /^Not enough non-option arguments: got (\d+)/m.exec(message)?.[1];
  if (given !== undefined)
    return positionals
      .slice(Number(given))
      .map(([name, description]) => `<${name}> is missing: ${description}`);
  const required = /^Missing required arguments?: (.+)$/m.exec(message)?.[1]?.split(", ");
  if (required !== undefined) {
    const options = required.map((name) => `--${name}`);
    return [`${listed(options, "and")} ${options.length === 1 ? "is" : "are"} missing`];
  }
  const option = /^Not enough arguments following: (.+)$/m.exec(message)?.[1];
  return option === undefined ? null : [`${option.length === 1 ? "-" : "--"}${option} needs a value`];
}

const listed = (words: readonly string[], conjunction: "and" | "or"): string =>
  words.length === 1
    ? words[0]!
    : `${words.slice(0, -1).join(", ")} ${conjunction} ${words[words.length - 1]}`;
