import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { repositoryRoot } from "../golden.js";
import type { RedisServer } from "./redis-server.js";

const program = join(repositoryRoot, "dist", "build_processor.js");

/** Starts `batch worker` as a process of its own. */
export function startWorker(
  folder: string,
  { address }: Pick<RedisServer, "address">,
  ...words: readonly string[]
): ChildProcess {
  return spawn(
    process.execPath,
    [program, "batch", "worker", "--redis", address, "--device", "cpu", ...words],
    { cwd: folder, stdio: ["ignore", "ignore", "pipe"] },
  );
}

/** Waits until a program has ended, and returns its exit code. */
export async function ended(child: ChildProcess): Promise<number | null> {
  child.stderr!.resume();
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}
