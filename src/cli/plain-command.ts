import type { Command } from "./command.js";
import { commandFlags } from "./command-flags.js";
import type { ParsedCommand } from "./parsed-command.js";

/** A command line without flags, and the flags that the command would take. */
export interface PlainCommand {
  readonly command: ParsedCommand & { readonly kind: "command" };
  readonly flags: ReadonlySet<string>;
}

/** The commands whose plain lines are read here; all of them are in one small table. */
const plainNames: readonly string[] = ["dataset", "fingerprint", "plan", "preprocess"];

/**
 * Reads the simplest command lines of nnU-Net's tools, such as `plan 4`, without the parser and the table of all commands,
 * which take longer to load than such a command runs.
 *
 * @returns null for any other line, also for one with a mistake
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

/**
 * Returns what yargs makes of words without flags: the positional arguments, and the defaults of all options.
 *
 * @returns null for words that need yargs
 */
export function plainArguments(
  { usage, options, positional = {} }: Command,
  words: readonly string[],
): Readonly<Record<string, unknown>> | null {
  if (!words.every((word) => /^[\w./~]/.test(word))) return null;
  const args: Record<string, unknown> = {};
  for (const [option, { default: value, coerce }] of Object.entries(options)) {
    if (value === undefined) continue;
    if (coerce !== undefined) return null;
    args[option] = value;
  }
  const left = [...words];
  for (const place of usage.split(" ").slice(1)) {
    const [, key = "", dots] = /^[<[]([\w-]+)(\.\.)?[>\]]$/.exec(place) ?? [];
    const { choices, coerce } = positional[key] ?? {};
    if (left.length === 0 || coerce !== undefined) return null;
    const taken = left.splice(0, dots === undefined ? 1 : left.length);
    if (choices !== undefined && !taken.every((word) => choices.includes(word))) return null;
    args[key] = dots === undefined ? taken[0] : taken;
  }
  return left.length === 0 ? args : null;
}
