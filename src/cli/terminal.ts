import { text } from "node:stream/consumers";
import { sharedError } from "../../processor/contract/shared-errors.js";
import { isDiskFull } from "../../processor/files/disk-error.js";

/** The program's output and environment. It is an argument, so that tests can pass their own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** True if progress may be drawn as a bar. */
  readonly isInteractive: boolean;
  readonly columns: number;
  /** True if stdout may be coloured and wrapped: it is a terminal, and NO_COLOR is not set. */
  readonly hasColour: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly currentDirectory: string;
  /** Reads all of the standard input as text. */
  readonly readStdin: () => Promise<string>;
  readonly now: () => number;
  /** Calls back repeatedly without keeping the program alive; returns a function that stops it. */
  readonly repeat: (callback: () => void, everyMs: number) => () => void;
  /** Calls back on Ctrl-C and on SIGTERM; returns a function that stops listening. */
  readonly onInterrupt: (callback: (signalName: string) => void) => () => void;
  /** Ends the process at once, for a second Ctrl-C; a shell sees exit code 130. */
  readonly exitNow: () => void;
}

/** A reader that has closed its pipe, such as `head`, wants no more. Output that is lost for another reason is a failure. */
function reportLostOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): void {
  let fault: NodeJS.ErrnoException | null = null;
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") fault ??= error;
  });
  process.once("exit", () => {
    if (fault === null) return;
    const where = "the standard output";
    const known = isDiskFull(fault)
      ? sharedError("DISK_FULL", `no space left while writing ${where}`)
      : sharedError("OUTPUT_UNWRITABLE", `${where} cannot be written (${fault.code})`);
    stderr.write(`error ${known.code}: ${known.message}\nSend the output to another file or disk.\n`);
    process.exitCode = known.exitCode;
  });
}

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  // Without a listener, a closed pipe would end the program before it has cleaned up.
  stderr.on("error", () => {});
  reportLostOutput(stdout, stderr);
  return {
    out: (words) => void stdout.write(words),
    err: (words) => void stderr.write(words),
    isInteractive: stderr.isTTY === true && env["CI"] === undefined && env["TERM"] !== "dumb",
    columns: stderr.columns ?? 80,
    hasColour: stdout.isTTY === true && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb",
    environment: env,
    currentDirectory: process.cwd(),
    readStdin: () => text(process.stdin),
    now: () => performance.now(),
    repeat(callback, everyMs) {
      const timer = setInterval(callback, everyMs).unref();
      return () => clearInterval(timer);
    },
    exitNow() {
      // `process.exit` waits until a running network has finished; a signal without a handler ends the process at once.
      process.removeAllListeners("SIGINT");
      process.kill(process.pid, "SIGINT");
    },
    onInterrupt(callback) {
      const listener = (name: string) => callback(name);
      process.on("SIGINT", listener);
      process.on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener);
        process.off("SIGTERM", listener);
      };
    },
  };
}
