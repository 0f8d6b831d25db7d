import { readFileSync } from "node:fs";
import { join } from "node:path";
import yargs, { type Argv, type Options } from "yargs";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { packageRoot } from "../ground/files/package-root.js";
import { serveCommand, serveFlags } from "../predict/nnunet-serve/options.js";
import { isBelowBatch, joinedCommand, withWrittenNames } from "./batch-commands.js";
import type { Command, CommandOption } from "./command.js";
import { commandFlags } from "./command-flags.js";
import { commandList } from "./command-list.js";
import { commands } from "./command-table.js";
import { completionScript } from "./completion-script.js";
import { type KnownOptions, ownFlags } from "./foreign-flags.js";
import { findNnunetName, unknownNnunetName } from "./nnunet-names.js";
import type { ParsedCommand } from "./parsed-command.js";
import { isServeCommand, serveCommandLine } from "./serve-command-line.js";
import { type UsageContext, usageError } from "./usage-error.js";

/** The commands that are answered before yargs parses. */
const answeredEarlier: Readonly<Record<string, string>> = {
  [serveCommand]: "segment one case with the command line of nnunet_serve",
  help: "show the options of a command",
  completion: "print a script that completes commands and flags in bash and zsh",
};

const commandNames = [
  ...Object.keys(commands).filter((name) => name !== "build" && !isBelowBatch(name)),
  ...Object.keys(answeredEarlier),
];

/** @throws USAGE for an unknown command or flag, with the nearest name, or a missing or ill-typed value */
export async function parseCommandLine(given: readonly string[], columns = 100): Promise<ParsedCommand> {
  const [first, ...others] = given;
  const words = first === "help" ? ["help", ...joinedCommand(others)] : joinedCommand(given);
  if (isCompletion(words)) return { kind: "text", text: ownCompletion() };
  if (isServeCommand(words)) return serveCommandLine(words);
  const named = words.find((word) => word !== "help") ?? "";
  const nnunetName = findNnunetName(named);
  if (nnunetName !== null)
    return (await import("./nnunet-flags/answer.js")).answerToNnunet(nnunetName, words);
  if (/^nnUNet(?:v2)?_/.test(named)) throw sharedError("USAGE", unknownNnunetName(named));
  const argv = ownFlags(asFlag(words), knownOptions(namedCommand(words)));
  refuseInheritedNames(argv);
  refuseSwitchValues(argv);
  const found = await parseOwn(argv, columns);
  if (found.kind === "text") return found;
  const run = await commands[found.name]!.load();
  return { kind: "command", run: (session) => run(found.args as never, session) };
}

/** What yargs makes of the words of one of our own commands. */
type OwnCommandLine =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "arguments"; readonly name: string; readonly args: Readonly<Record<string, unknown>> };

/** @throws USAGE */
export async function parseOwn(argv: readonly string[], columns: number): Promise<OwnCommandLine> {
  let failure: Error | undefined;
  let text = "";
  // yargs always renders the help of a command. Wrapping it takes long, and is of use only if it is printed.
  const width = argv.some((word) => helpFlags.has(word)) ? columns : null;
  const args = await createParser(width).parseAsync([...argv], {}, (error, _args, output) => {
    failure = error ?? undefined;
    text = output;
  });
  if (failure !== undefined) {
    throw usageError(failure.message, usageContext(argv));
  }
  if (text !== "") {
    const help = namedCommand(argv) === "build" ? withCommandList(text, columns) : withWrittenNames(text);
    return { kind: "text", text: `${help}\n` };
  }
  const name = String(args._[0] ?? "build");
  return { kind: "arguments", name, args: withoutRepeats(args, commands[name]!) };
}

/** Returns whether the completion script is wanted. Users of other programs add the shell's name; both get the same script. */
const isCompletion = ([first, shell, ...others]: readonly string[]): boolean =>
  first === "completion" && others.length === 0 && [undefined, "bash", "zsh"].includes(shell);

/**
 * Turns `help predict` into `predict --help`.
 *
 * @throws USAGE for an unknown command
 */
function asFlag([first, ...others]: readonly string[]): readonly string[] {
  if (first === undefined) return [];
  if (first !== "help") return [first, ...others];
  const unknown = others.find(
    (word) =>
      !word.startsWith("-") && word !== "build" && !commandNames.includes(word) && !isBelowBatch(word),
  );
  if (unknown !== undefined) throw usageError(`Unknown argument: ${unknown}`, usageContext(others));
  return [...others.filter((word) => word !== "build"), "--help"];
}

function usageContext(argv: readonly string[]): UsageContext {
  const { options, positional = {} } = commands[namedCommand(argv)]!;
  return {
    argv,
    commandNames,
    optionNames: Object.keys(options),
    positionals: Object.entries(positional).map(([name, { describe = "" }]) => [name, String(describe)]),
  };
}

/**
 * Refuses options that are called like something that every object inherits, because yargs finds them in its own tables.
 *
 * @throws USAGE for `--to-string` and `--constructor.x=1`
 */
function refuseInheritedNames(argv: readonly string[]): void {
  const end = argv.indexOf("--");
  for (const word of end < 0 ? argv : argv.slice(0, end)) {
    const [, written = "", name = ""] = /^--((?:no-)?([^=.]+))/.exec(word) ?? [];
    const inCamelCase = name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    if (name in Object.prototype || inCamelCase in Object.prototype)
      throw usageError(`Unknown argument: ${written}`, usageContext(argv));
  }
}

/**
 * Refuses values of switches other than true and false, because yargs would read them as false.
 *
 * @throws USAGE for `--export=maybe`
 */
function refuseSwitchValues(argv: readonly string[]): void {
  const { options } = commands[namedCommand(argv)]!;
  for (const word of argv) {
    const [, name = "", value = ""] = /^--([a-z-]+)=([\s\S]*)$/.exec(word) ?? [];
    if (!Object.hasOwn(options, name) || options[name]?.type !== "boolean") continue;
    if (value !== "true" && value !== "false")
      throw sharedError("USAGE", `--${name} is on or off: write --${name} or --no-${name}, not ${word}`);
  }
}

function ownCompletion(): string {
  const hasFlags = (name: string) => Object.hasOwn(commands, name) || name === serveCommand;
  const named = commandNames.map((name) => [name, hasFlags(name) ? [...flagsOf(name)] : []]);
  return completionScript("build_processor", {
    ...Object.fromEntries(named),
    "": [...flagsOf("build")],
  });
}

function knownOptions(commandName: string): KnownOptions {
  const words = [...flagsOf(commandName)].map((flag) => flag.replace(/^-+/, ""));
  return {
    names: words.filter((word) => word.length > 1),
    letters: words.filter((word) => word.length === 1),
  };
}

/** Returns the command that a command line most likely means, even if it cannot be parsed. */
export const namedCommand = (argv: readonly string[]): string =>
  isServeCommand(argv)
    ? serveCommand
    : (joinedCommand(argv).find((word) => Object.hasOwn(commands, word) && word !== "build") ?? "build");

/** Returns every flag that a command takes, with its dashes: `--output`, `-o`, `--no-attest`. */
export function flagsOf(commandName: string): ReadonlySet<string> {
  if (commandName === serveCommand) return serveFlags;
  return commandFlags(commands[commandName]!);
}

/** Takes all values of a list that was given more than once, and the last value of every other flag. */
const withoutRepeats = (args: object, { options }: Command): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(args).map(([name, value]: [string, unknown]) =>
      Array.isArray(value) && Object.hasOwn(options, name)
        ? [name, mergedValue(value, options[name]!)]
        : [name, value],
    ),
  );

function mergedValue(values: readonly unknown[], { array, hasCommas }: CommandOption): unknown {
  if (array === true) return values;
  return hasCommas === true ? values.join(",") : values.at(-1);
}

/** yargs converts all values of a repeated flag at once, and makes NaN of words where it expects numbers. */
function asYargsOption([name, { hasCommas: _, ...option }]: [string, CommandOption]): [string, Options] {
  const { array, coerce, type } = option;
  if (type !== "number" && (coerce === undefined || array === true)) return [name, option];
  const convert = (given: unknown): unknown => {
    const value = Array.isArray(given) && array !== true ? given.at(-1) : given;
    if (type === "number" && [value].flat().some(Number.isNaN))
      throw sharedError("USAGE", `--${name} takes ${array === true ? "numbers" : "a number"} only`);
    return coerce === undefined ? given : coerce(value);
  };
  return [name, { ...option, coerce: convert }];
}

const helpFlags: ReadonlySet<string> = new Set(["--help", "-h"]);

function createParser(columns: number | null): Argv {
  let parser = yargs()
    .scriptName("build_processor")
    .parserConfiguration({ "strip-aliased": true, "duplicate-arguments-array": true })
    .wrap(columns)
    .strict()
    .help("help", "show this help")
    .alias("help", "h")
    .version("version", "print the version", programVersion())
    .alias("version", "V")
    .exitProcess(false)
    .epilogue(
      "Every error has a code, which docs/reference/errors.md explains. Exit codes: 2 usage, 3 model, 4 image, 5 machine, 6 some cases failed.",
    );
  for (const { usage, describe, options, positional, examples } of Object.values(commands)) {
    const build = (command: Argv): Argv => {
      for (const [name, option] of Object.entries(positional ?? {})) command.positional(name, option);
      for (const [line, meaning] of examples) command.example(line, meaning);
      return command.options(Object.fromEntries(Object.entries(options).map(asYargsOption)));
    };
    // yargs would list all commands without groups. A command that it does not list loses its description there.
    parser = parser.command(usage, false, (command) =>
      build(command.usage(`$0 ${usage === "$0" ? "COMMAND" : usage}\n\n${describe}`)),
    );
  }
  return parser;
}

/** Adds the list of commands to the help of the build, because that is the help of the whole program. */
const withCommandList = (help: string, columns: number): string =>
  help.replace(commands.build!.describe, (text) => `${text}\n\n${commandList(describeCommand, columns)}`);

const describeCommand = (name: string): string => answeredEarlier[name] ?? commands[name]!.describe;

const programVersion = (): string =>
  (JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")) as { readonly version: string })
    .version;
