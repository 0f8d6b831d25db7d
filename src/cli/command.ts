import type { Options, PositionalOptions } from "yargs";
import type { CommandSession } from "./command-session.js";

/** An option of a command, as yargs takes it. */
export interface CommandOption extends Options {
  /** True for a text that is a list with commas, such as `0,1`. Given twice, it is one longer list. */
  readonly hasCommas?: boolean;
}

type Run = (args: never, session: CommandSession) => Promise<number>;

/** One command of `build_processor`, as help, completion and parser need it. */
export interface Command {
  readonly usage: string;
  readonly describe: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  readonly positional?: Readonly<Record<string, PositionalOptions>>;
  readonly examples: readonly (readonly [line: string, meaning: string])[];
  /** Loaded only when the command runs, so that `--help` answers at once. */
  readonly load: () => Promise<Run>;
}
