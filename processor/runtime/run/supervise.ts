import { fork } from "node:child_process";
import { once } from "node:events";
import { sharedError } from "../../contract/shared-errors.js";
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

/** A platform that stops a container waits five seconds before it kills; a busy machine takes a while to end a process. */
const stopWithinMs = 3000;

/**
 * Runs the program as a child on the same streams, so that somebody is left to say what happened when the system ends it
 * (an allocation that fails in native code is no exception that a program could catch), and to end it in time when it is
 * told to stop: one window of a large network takes longer than that, and a process can't leave ONNX Runtime's midst.
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
    if (child.connected) await once(child, "disconnect"); // its message may not have arrived yet
    if (hasSaidWhy) return 1;
    if (memorySignals.has(signal))
      throw sharedError("OUT_OF_MEMORY", outOfMemoryMessage(`ended by ${signal}`));
    throw sharedError("INTERRUPTED", `stopped by ${signal}`);
  } finally {
    process.off("SIGINT", forward).off("SIGTERM", forward).off("exit", end);
  }
}

/**
 * Ends such a child after an uncaught exception that it has already reported. If it exited normally in the middle of a
 * window, native code would abort, which looks like a lack of memory.
 */
export function endAfterBug(): void {
  const end = () => void process.kill(process.pid, "SIGKILL");
  if (process.connected) process.send!("has said why", end);
  else process.exit(1);
}

/** Whether this process is such a child, which ends with its parent. */
export function isSupervised(): boolean {
  if (!process.connected) return false;
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  process.channel?.unref();
  return true;
}
