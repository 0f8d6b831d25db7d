import { join } from "node:path";
import { ProcessorError } from "../../processor/errors.js";
import { lockFileName } from "../lock-file.js";
import { parseCommandLine } from "./command-line.js";
import { explainError } from "./explain-error.js";
import { processTerminal, type Terminal } from "./terminal.js";
import { terminalProgress } from "./terminal-progress.js";

/** Longer lines are hard to read. */
const widestHelp = 110;

/** Runs the command line and returns its exit code. */
export async function main(argv: readonly string[], terminal: Terminal = processTerminal()): Promise<number> {
  const stop = new AbortController();
  const stopListening = terminal.onInterrupt((signalName) => {
    if (stop.signal.aborted) terminal.exitNow();
    terminal.err(`\n${signalName}: stopping and cleaning up …\n`);
    stop.abort(new ProcessorError("INTERRUPTED", `stopped by ${signalName}`));
  });
  try {
    const command = await parseCommandLine(argv, Math.min(terminal.columns, widestHelp));
    if (command.kind === "text") {
      terminal.out(command.text);
      return 0;
    }
    const lockFile = join(terminal.currentDirectory, lockFileName);
    const progress = terminalProgress(terminal);
    return await command.run({ terminal, lockFile, progress, signal: stop.signal });
  } catch (error) {
    return explainError(stop.signal.aborted ? stop.signal.reason : error, terminal);
  } finally {
    stopListening();
  }
}
