import Parser from "yargs-parser";
import { ownEntry } from "../../processor/contract/own-entry.js";
import type { Command, CommandOption } from "./command.js";
import { commandFlags } from "./command-flags.js";
import type { ParsedCommand } from "./parsed-command.js";

/** A command line that needs no more than the parser, and the flags that the command would take. */
export interface PlainCommand {
  readonly command: ParsedCommand & { readonly kind: "command" };
  readonly flags: ReadonlySet<string>;
}

/** The commands whose plain lines are read here; all of them are in one small table. */
const plainNames: readonly string[] = ["dataset", "fingerprint", "plan", "preprocess"];

/**
 * Reads faultless command lines of nnU-Net's tools, such as `plan 4 --json`, with yargs' parser alone: yargs itself and the
 * table of all commands take longer to load than such a command runs.
 *
 * @returns null for any other line, also for one with a mistake, which yargs then explains
 */
export async function plainCommand([name = "", ...words]: readonly string[]): Promise<PlainCommand | null> {
  if (!plainNames.includes(name)) return null;
  const { nnunetCommands } = await import("./nnunet-commands.js");
  const command = nnunetCommands[name]!;
  const args = plainArguments(command, words);
  if (args === null) return null;
  const run = await command.load();
  return {
    command: { kind: "command", run: (session) => run(args as never, session) },
    flags: commandFlags(command),
  };
}

/** A whole option, or a single letter: `--workers`, `-c`, but not `-np` or `--json=true`, which are yargs' to judge. */
const plainFlag = /^(?:--[a-z][a-z-]+|-[a-zA-Z])$/;

/**
 * Returns what yargs makes of the words after a command's name: the positional arguments, and the values or defaults of all
 * options.
 *
 * @returns null for words that need yargs
 */
export function plainArguments(
  { usage, options, positional = {} }: Command,
  words: readonly string[],
): Readonly<Record<string, unknown>> | null {
  if (!words.every((word) => plainFlag.test(word) || /^[\w./~]/.test(word))) return null;
  const { argv, error } = Parser.detailed([...words], parserOptions(options));
  if (error !== null) return null;
  const { _: left, ...args } = argv;
  const isValid = Object.entries(args).every(([name, value]) => isPlainValue(ownEntry(options, name), value));
  if (!isValid) return null;
  const placed = placedWords(left, { usage, positional });
  return placed === null ? null : { ...args, ...placed };
}

/** Returns the options as yargs passes them to its parser. */
function parserOptions(options: Command["options"]): Parser.Options {
  const entries = Object.entries(options);
  const namesOf = (type: CommandOption["type"]): string[] =>
    entries.filter(([, option]) => option.type === type).map(([name]) => name);
  const valuesOf = <Key extends "coerce" | "default">(key: Key) =>
    Object.fromEntries(
      entries.flatMap(([name, option]) => (option[key] === undefined ? [] : [[name, option[key]]])),
    );
  const needsValue = entries.filter(([, { requiresArg }]) => requiresArg === true);
  return {
    boolean: namesOf("boolean"),
    number: namesOf("number"),
    string: namesOf("string"),
    array: entries.filter(([, { array }]) => array === true).map(([name]) => name),
    alias: Object.fromEntries(entries.map(([name, { alias = [] }]) => [name, [alias].flat()])),
    coerce: valuesOf("coerce"),
    default: valuesOf("default"),
    // yargs writes `requiresArg` so.
    narg: Object.fromEntries(needsValue.map(([name]) => [name, Number.NaN])),
    configuration: {
      "camel-case-expansion": false,
      "duplicate-arguments-array": true,
      "parse-positional-numbers": false,
      "strip-aliased": true,
    },
  };
}

/** Returns whether yargs would take a value without a fault: that of a known option, given once, of its type and choices. */
function isPlainValue(option: CommandOption | undefined, value: unknown): boolean {
  if (option === undefined || (Array.isArray(value) && option.array !== true)) return false;
  const values: readonly unknown[] = Array.isArray(value) ? value : [value];
  const { choices } = option;
  return values.every(
    (one) => !Number.isNaN(one) && (choices === undefined || choices.includes(one as string)),
  );
}

/** Returns the positional arguments by their names in `usage`; null if one is missing, left over or not a choice. */
function placedWords(
  words: readonly (string | number)[],
  { usage, positional }: Required<Pick<Command, "usage" | "positional">>,
): Readonly<Record<string, unknown>> | null {
  const left = words.map(String);
  const placed: Record<string, unknown> = {};
  for (const place of usage.split(" ").slice(1)) {
    const [, key = "", dots] = /^[<[]([\w-]+)(\.\.)?[>\]]$/.exec(place) ?? [];
    const { choices, coerce } = positional[key] ?? {};
    if (coerce !== undefined || (left.length === 0 && dots === undefined)) return null;
    const taken = left.splice(0, dots === undefined ? 1 : left.length);
    if (choices !== undefined && !taken.every((word) => choices.includes(word))) return null;
    placed[key] = dots === undefined ? taken[0] : taken;
  }
  return left.length === 0 ? placed : null;
}
