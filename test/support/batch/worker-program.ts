import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
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
  return spawn(process.execPath, workerWords(address, words), {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

const workerWords = (address: string, words: readonly string[]): readonly string[] => [
  ...[program, "batch", "worker", "--redis", address, "--device", "cpu"],
  ...words,
];

/** Starts `batch worker` with a clock that is not the machine's. */
export function startWorkerWithClock(
  folder: string,
  { address }: Pick<RedisServer, "address">,
  { environment }: MovableClock,
): ChildProcess {
  return spawn(process.execPath, workerWords(address, ["--until-empty"]), {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...environment },
  });
}

/** Starts a worker that cannot write a file longer than so many blocks of 512 or 1024 bytes, as if its disk were full. */
export function startWorkerWithoutSpace(
  folder: string,
  { address }: Pick<RedisServer, "address">,
  blocks: number,
): ChildProcess {
  const words = workerWords(address, ["--until-empty"]);
  const script = `ulimit -f ${blocks} && exec "$0" "$@"`;
  return spawn("sh", ["-c", script, process.execPath, ...words], {
    cwd: folder,
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** Starts a worker that ends, or whose process for cases ends, in the middle of a case. See `dying-worker.ts`. */
export function startDyingWorker(
  { address }: Pick<RedisServer, "address">,
  ending: "worker" | "case-process",
  dying: string,
): ChildProcess {
  const module = join(repositoryRoot, "dist", "test", "support", "batch", "dying-worker.js");
  return spawn(process.execPath, [module, address, ending, dying], {
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** The variables of a program whose clock one can set while it runs. */
export interface MovableClock {
  readonly environment: Readonly<Record<string, string>>;
  /** Moves the clock by so many seconds from the real time. */
  moveTo(offsetSeconds: number): void;
}

/** Returns a clock that is right until it is moved. Clocks that only measure durations stay right. */
export function movableClock(folder: string): MovableClock {
  const file = join(folder, "clock");
  const moveTo = (offsetSeconds: number): void =>
    writeFileSync(file, `${offsetSeconds < 0 ? "" : "+"}${offsetSeconds}`);
  moveTo(0);
  const library = execFileSync("faketime", ["-f", "+0", "printenv", "LD_PRELOAD"], {
    encoding: "utf8",
  }).trim();
  return {
    environment: {
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
    moveTo,
  };
}

/** Waits until a program has ended, and returns its exit code. */
export async function ended(child: ChildProcess): Promise<number | null> {
  child.stderr!.resume();
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode;
}

/** Waits until the program has written a text to stderr. */
export async function printed(child: ChildProcess, text: string): Promise<void> {
  let all = "";
  child.stderr!.setEncoding("utf8");
  for await (const part of child.stderr!.iterator({ destroyOnReturn: false }) as AsyncIterable<string>) {
    all += part;
    if (all.includes(text)) break;
  }
  child.stderr!.resume();
}
