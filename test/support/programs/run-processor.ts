import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";
import type { ProgramRun } from "./run-program.js";

export interface RunProcessorOptions {
  /** A signal that is sent when the output has `afterText`, or `laterMs` later. */
  readonly stop?: { readonly signal: NodeJS.Signals; readonly afterText: string; readonly laterMs?: number };
  /** The shell's `ulimit -d` in KiB, which grand-challenge sets. */
  readonly dataLimitKib?: number;
  readonly workingDir?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ProcessorRun extends ProgramRun {
  /** The time from the signal to the end; null if no signal was sent. */
  readonly stopSeconds: number | null;
}

const program = join(repositoryRoot, "dist", "processor", "runtime", "main.js");

/** Runs an image's program on this machine, without a home folder and without a terminal, as the image does. */
export async function runProcessor(
  args: readonly string[],
  { stop, dataLimitKib, workingDir = "/", environment = {} }: RunProcessorOptions = {},
): Promise<ProcessorRun> {
  const limit = dataLimitKib === undefined ? "" : `ulimit -d ${dataLimitKib} && `;
  const child = spawn("sh", ["-c", `${limit}exec "$0" "$@"`, process.execPath, program, ...args], {
    cwd: workingDir,
    env: { PATH: process.env["PATH"], HOME: "/nonexistent", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const texts = { out: "", err: "" };
  let stoppedAt: number | null = null;
  const sendSignal = (signal: NodeJS.Signals) => {
    stoppedAt = performance.now();
    child.kill(signal);
  };
  let pending = stop;
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    texts.out += text;
    if (pending === undefined || !texts.out.includes(pending.afterText)) return;
    setTimeout(sendSignal, pending.laterMs ?? 0, pending.signal);
    pending = undefined;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    texts.err += text;
  });
  const [exitCode] = (await once(child, "close")) as [number | null];
  const stopSeconds = stoppedAt === null ? null : (performance.now() - stoppedAt) / 1000;
  return { exitCode, ...texts, stopSeconds };
}

/** Returns the line that a platform shows its user. */
export const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1)!;
