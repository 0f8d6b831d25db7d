import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";

export interface ProgramRun {
  readonly exitCode: number | null;
  readonly out: string;
  readonly err: string;
}

export interface RunProgramOptions {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** The program's standard input. */
  readonly stdin?: string;
  /** The program that starts it, with its arguments, such as `["setpriv", "--no-new-privs"]`. */
  readonly startedBy?: readonly string[];
  /** A signal that is sent when the promise resolves. */
  readonly interruptAfter?: Promise<unknown>;
}

/** Runs `build_processor` in its own process, as a user does. */
export async function runProgram(args: readonly string[], options: RunProgramOptions): Promise<ProgramRun> {
  const { cwd, environment = {}, stdin, startedBy = [], interruptAfter } = options;
  const main = join(repositoryRoot, "dist", "build_processor.js");
  const [program = "", ...words] = [...startedBy, process.execPath, main, ...args];
  const child = spawn(program, words, {
    cwd,
    env: { ...process.env, ...environment },
    stdio: ["pipe", "pipe", "pipe"],
  });
  child.stdin.end(stdin ?? "");
  const texts = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const closed = once(child, "close");
  void interruptAfter?.then(() => child.kill("SIGINT"));
  const [exitCode] = (await closed) as [number | null];
  return { exitCode, ...texts };
}
