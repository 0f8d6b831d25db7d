import { join } from "node:path";
import { cleanLines } from "../../processor/contract/progress/log-lines.js";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { systemError } from "../../processor/files/system-error.js";
import { memoryError } from "../../processor/runtime/run/memory-limit.js";
import { lockFileName } from "../download/lock-file-name.js";
import type { ParsedCommand } from "./parsed-command.js";
import { plainCommand } from "./plain-command.js";
import { processTerminal, type Terminal } from "./terminal.js";
import { terminalProgress } from "./terminal-progress.js";

/** The widest help text, in columns; longer lines are hard to read. */
const widestHelp = 110;

/** Runs the command line and returns its exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt((signalName) => {
    if (stop.signal.aborted) terminal.exitNow();
    terminal.err(`\n${signalName}: stopping and cleaning up …\n`);
    stop.abort(sharedError("INTERRUPTED", `stopped by ${signalName}`));
  });
  let hasPrinted = false;
  const out = (text: string): void => {
    hasPrinted = true;
    // JSON has its own escapes.
    terminal.out(wantsJson(argv) ? text : cleaned(text, terminal));
  };
  try {
    const { command, flags } = (await plainCommand(argv)) ?? (await parsed(argv, terminal));
    if (command.kind === "text") {
      const { placeOfPages } = await import("../ground/files/page-path.js");
      out(`${command.text}${placeOfPages(command.text, terminal.currentDirectory)}`);
      return 0;
    }
    const lockFile = join(terminal.currentDirectory, lockFileName);
    const progress = terminalProgress(terminal);
    const { currentDirectory, environment } = terminal;
    return await command.run({
      terminal: { ...terminal, out },
      flags,
      currentDirectory,
      environment,
      lockFile,
      progress,
      signal: stop.signal,
    });
  } catch (thrown) {
    const error = stop.signal.aborted ? stop.signal.reason : systemError(memoryError(thrown));
    const { errorReport, errorText } = await import("./explain-error.js");
    const report = errorReport(error, await namedFlags(argv), terminal.currentDirectory);
    terminal.err(errorText(report, terminal));
    // A report that says what failed is already on stdout; a second one would make it invalid JSON.
    if (wantsJson(argv) && !hasPrinted) terminal.out(`${JSON.stringify(report, null, 2)}\n`);
    return report.error.exitCode;
  } finally {
    stopListening();
  }
}

/** Everything that parses is loaded only here. */
async function parsed(
  argv: readonly string[],
  { columns }: Terminal,
): Promise<{ readonly command: ParsedCommand; readonly flags: ReadonlySet<string> }> {
  const { parseCommandLine } = await import("./command-line.js");
  return {
    command: await parseCommandLine(argv, Math.min(columns, widestHelp)),
    flags: await namedFlags(argv),
  };
}

async function namedFlags(argv: readonly string[]): Promise<ReadonlySet<string>> {
  const { flagsOf, namedCommand } = await import("./command-line.js");
  return flagsOf(namedCommand(argv));
}

/** The colours that the program itself prints, in texts that `findingsText` has cleaned. */
const ownColours = new RegExp(`(${String.fromCharCode(27)}\\[(?:31|32|33|39|90)m)`);

const cleaned = (text: string, { hasColour }: Terminal): string =>
  hasColour
    ? text
        .split(ownColours)
        .map((part) => (ownColours.test(part) ? part : cleanLines(part)))
        .join("")
    : cleanLines(text);

/** Returns whether `--json` was given, even if the command line cannot be parsed. */
const wantsJson = (argv: readonly string[]): boolean =>
  argv.includes("--json") || argv.includes("--json=true");
