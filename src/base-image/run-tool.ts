import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type BuilderErrorCode, builderError } from "../ground/errors/builder-errors.js";

export interface RunToolOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Error code for a failure of the tool. */
  readonly failure: BuilderErrorCode;
  /** Instructions to install the tool, if it is missing. */
  readonly install: string;
  readonly signal: AbortSignal;
}

/**
 * Runs a program to its end without showing its output.
 *
 * @throws TOOL_MISSING if it is not installed; `failure` with the end of its stderr
 */
export async function runTool(options: RunToolOptions): Promise<void> {
  await run(options, "ignore");
}

/**
 * Runs a program to its end and returns its stdout.
 *
 * @throws the errors of `runTool`
 */
export const toolOutput = (options: RunToolOptions): Promise<Buffer> => run(options, "pipe");

async function run(options: RunToolOptions, output: "ignore" | "pipe"): Promise<Buffer> {
  const { command, args, cwd, env, failure, install, signal } = options;
  signal.throwIfAborted();
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
    stdio: ["ignore", output, "pipe"],
    // Runs in its own process group, so that the programs that it starts can be ended with it.
    detached: hasGroups,
  });
  const stop = () => endGroup(child);
  signal.addEventListener("abort", stop, { once: true });
  const chunks: Buffer[] = [];
  child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
  let words = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    words = (words + text).slice(-2000);
  });
  try {
    const [code] = await once(child, "close");
    signal.throwIfAborted();
    if (code !== 0)
      throw builderError(failure, `${command} ${args[0] ?? ""} ended with ${code}: ${words.trim()}`);
    return Buffer.concat(chunks);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw builderError("TOOL_MISSING", `${command} was not found; ${install}`, { cause: error });
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

const hasGroups = process.platform !== "win32";

/** Ends the program and everything that it started. Processes that have already ended are ignored. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(hasGroups ? -pid : pid, "SIGTERM");
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
