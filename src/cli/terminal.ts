/** Where the program prints and what it knows of its surroundings: an argument, so that tests can give their own. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether progress may be drawn as a bar. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly currentDirectory: string;
  readonly now: () => number;
  /** Calls back on Ctrl-C and on SIGTERM; returns a function that stops listening. */
  readonly onInterrupt: (callback: (signalName: string) => void) => () => void;
  /** Ends the process at once, for a second Ctrl-C. */
  readonly exitNow: (code: number) => void;
}

export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    isInteractive: stderr.isTTY === true && env["CI"] === undefined && env["TERM"] !== "dumb",
    columns: stderr.columns ?? 80,
    environment: env,
    currentDirectory: process.cwd(),
    now: () => performance.now(),
    exitNow: (code) => process.exit(code),
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
