import { fork } from "node:child_process";
import { once } from "node:events";
import { ProcessorError } from "./errors.js";
import { outOfMemoryMessage } from "./memory-limit.js";

/** Signals by which a process ends when the system or its own native code refuses it memory. */
const memorySignals: ReadonlySet<NodeJS.Signals> = new Set([
  "SIGABRT",
  "SIGBUS",
  "SIGILL",
  "SIGKILL",
  "SIGSEGV",
  "SIGTRAP",
]);

/**
 * Runs the program as a child on the same streams, so that somebody is left to say what happened when the system ends it:
 * an allocation that fails in native code is no exception that a program could catch.
 *
 * @returns the child's exit code
 * @throws OUT_OF_MEMORY when it was ended from outside; `stop`'s reason when that was asked for
 */
export async function supervise(
  program: string,
  argv: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const child = fork(program, argv, { stdio: "inherit" });
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  process.on("SIGINT", forward).on("SIGTERM", forward);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    if (signal === null) return code ?? 1;
    stop.throwIfAborted();
    if (memorySignals.has(signal))
      throw new ProcessorError("OUT_OF_MEMORY", outOfMemoryMessage(`ended by ${signal}`));
    throw new ProcessorError("INTERRUPTED", `stopped by ${signal}`);
  } finally {
    process.off("SIGINT", forward).off("SIGTERM", forward);
  }
}

/**
 * Whether this process is such a child.
 *
 * @param onOrphaned called when its parent is gone
 */
export function isSupervised(onOrphaned: () => void): boolean {
  if (!process.connected) return false;
  process.once("disconnect", onOrphaned);
  process.channel?.unref();
  return true;
}
