import { fork } from "node:child_process";
import { once } from "node:events";
import { sharedError } from "../../contract/shared-errors.js";
import { outOfMemoryMessage } from "./memory-limit.js";

/** The signals that end a process if the system or its own native code refuses it memory. */
const memorySignals: ReadonlySet<NodeJS.Signals> = new Set([
  "SIGABRT",
  "SIGBUS",
  "SIGILL",
  "SIGKILL",
  "SIGSEGV",
  "SIGTRAP",
]);

/**
 * The time that a child has to stop. A platform kills a container five seconds after it has told it to stop, and a busy
 * machine needs some time to end a process.
 */
const stopWithinMs = 3000;

/**
 * Runs the program as a child process on the same streams, for two reasons. If the system ends the child, the parent
 * can report why, because a program cannot catch a failed allocation in native code. If the child must stop, the parent
 * can end it in time, however busy it is, before the platform kills both.
 *
 * @returns the child's exit code
 * @throws OUT_OF_MEMORY if the system ended the child; the reason of `stop` if a stop was requested
 */
export async function supervise(
  program: string,
  argv: readonly string[],
  stop: AbortSignal,
): Promise<number> {
  const child = fork(program, argv, { stdio: "inherit" });
  let hasSaidWhy = false;
  child.once("message", () => {
    hasSaidWhy = true;
  });
  const end = () => void child.kill("SIGKILL");
  const forward = (signal: NodeJS.Signals) => {
    child.kill(signal);
    setTimeout(end, stopWithinMs).unref();
  };
  process.on("SIGINT", forward).on("SIGTERM", forward);
  process.once("exit", end);
  try {
    const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
    if (signal === null) return code ?? 1;
    stop.throwIfAborted();
    if (child.connected) await once(child, "disconnect"); // the child's message may not have arrived yet
    if (hasSaidWhy) return 1;
    if (memorySignals.has(signal))
      throw sharedError("OUT_OF_MEMORY", outOfMemoryMessage(`ended by ${signal}`));
    throw sharedError("INTERRUPTED", `stopped by ${signal}`);
  } finally {
    process.off("SIGINT", forward).off("SIGTERM", forward).off("exit", end);
  }
}

/**
 * Ends a supervised child after an uncaught exception that it has already reported. If it exited normally in the middle
 * of a window, native code would abort, which looks like a lack of memory.
 */
export function endAfterBug(): void {
  const end = () => void process.kill(process.pid, "SIGKILL");
  if (process.connected) process.send!("has said why", end);
  else process.exit(1);
}

/** Returns whether this process is a supervised child. If so, it ends with its parent from now on. */
export function isSupervised(): boolean {
  if (!process.connected) return false;
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel?.unref();
  return true;
}
