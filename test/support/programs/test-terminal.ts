import type { Terminal } from "../../../src/cli/terminal.js";

/** A terminal in memory that keeps what was printed and can send Ctrl-C. */
export interface TestTerminal extends Terminal {
  readonly printed: { out: string; err: string };
  readonly interrupt: () => void;
}

export function testTerminal(
  currentDirectory: string,
  environment: Readonly<Record<string, string>> = {},
): TestTerminal {
  const printed = { out: "", err: "" };
  let listener: ((signalName: string) => void) | null = null;
  return {
    printed,
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    ...{
      isInteractive: false,
      hasColour: false,
      columns: 100,
      currentDirectory,
      environment: { ...process.env, DOCKER_HOST: "tcp://127.0.0.1:9", ...environment },
    },
    readStdin: () => Promise.resolve(""),
    now: () => performance.now(),
    repeat: () => () => {},
    exitNow: () => {
      throw new Error("exited at once");
    },
    onInterrupt(callback) {
      listener = callback;
      return () => {
        listener = null;
      };
    },
    interrupt: () => listener?.("SIGINT"),
  };
}
