import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { FuzzOutcome } from "./fuzz-worker.js";
import { mutate } from "./mutate.js";
import { Random } from "./random.js";
import { fuzzedReaders } from "./readers.js";

export interface FuzzOptions {
  readonly seed: number;
  readonly seconds: number;
  /** Names of the table in `readers.ts`. */
  readonly readers: readonly string[];
}

export interface FuzzCount {
  inputs: number;
  accepted: number;
  refused: number;
}

export interface FuzzFailure {
  readonly reader: string;
  /** A stack, or what was too much. */
  readonly reason: string;
  /** The input, kept. */
  readonly file: string;
}

export interface FuzzReport {
  readonly counts: Readonly<Record<string, FuzzCount>>;
  readonly failures: readonly FuzzFailure[];
}

/** The rule for every reader; a busy machine gets some more time. */
const mostMs = 10_000;
const mostBytes = 2 ** 30;
/** Without an end somebody would have to look through the same fault a thousand times. */
const mostFailures = 20;

/** Gives every reader in turn mutated files for the time given; each must be read right or refused with a code. */
export async function fuzz({ seed, seconds, readers }: FuzzOptions): Promise<FuzzReport> {
  const random = new Random(seed);
  const counts: Record<string, FuzzCount> = {};
  const failures: FuzzFailure[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "fuzz-"));
  const kept = mkdtempSync(join(tmpdir(), "fuzz-failures-"));
  const end = performance.now() + seconds * 1000;
  let worker: ChildProcess | null = null;
  const usedReaders = readers.filter((name) => fuzzedReaders[name]!.seeds.length > 0);
  for (let i = 0; performance.now() < end && failures.length < mostFailures; i++) {
    const reader = usedReaders[i % usedReaders.length]!;
    const { structure, seeds } = fuzzedReaders[reader]!;
    const { name, bytes } = random.oneOf(seeds);
    const folder = join(scratch, "input");
    mkdirSync(folder);
    const file = join(folder, name);
    writeFileSync(file, mutate(bytes(), structure, random));
    worker ??= startWorker(scratch);
    const outcome = await outcomeOf(worker, reader, file);
    counts[reader] ??= { inputs: 0, accepted: 0, refused: 0 };
    counts[reader].inputs += 1;
    if (outcome.kind !== "failed") counts[reader][outcome.kind] += 1;
    const written = readdirSync(scratch).filter((entry) => entry !== "input");
    const reason = reasonOf(outcome, written);
    if (reason !== null) {
      const copy = join(kept, `${failures.length}-${name}`);
      copyFileSync(file, copy);
      failures.push({ reader, reason, file: copy });
      worker.kill("SIGKILL");
      worker = null;
      for (const entry of written) rmSync(join(scratch, entry), { recursive: true });
    }
    rmSync(folder, { recursive: true });
  }
  worker?.kill("SIGKILL");
  rmSync(scratch, { recursive: true });
  if (failures.length === 0) rmSync(kept, { recursive: true });
  return { counts, failures };
}

const startWorker = (cwd: string): ChildProcess =>
  fork(join(import.meta.dirname, "fuzz-worker.js"), { cwd, stdio: ["ignore", "ignore", "inherit", "ipc"] });

async function outcomeOf(worker: ChildProcess, reader: string, file: string): Promise<FuzzOutcome> {
  const done = new AbortController();
  const { signal } = done;
  const answered = once(worker, "message", { signal }).then(([message]) => message as FuzzOutcome);
  const died = once(worker, "exit", { signal }).then(
    ([code, name]): FuzzOutcome => failed(`the process ended (${name ?? code})`),
  );
  const late = wait(mostMs, failed(`it took longer than ${mostMs / 1000} s`), { signal });
  worker.send({ reader, file });
  try {
    return await Promise.race([answered, died, late]);
  } finally {
    // The two that lost the race reject now.
    for (const loser of [answered, died, late]) loser.catch(() => {});
    done.abort();
  }
}

const failed = (stack: string): FuzzOutcome => ({ kind: "failed", stack, peakBytes: 0 });

function reasonOf({ stack, peakBytes }: FuzzOutcome, written: readonly string[]): string | null {
  if (stack !== null) return stack;
  if (peakBytes > mostBytes) return `it took ${Math.round(peakBytes / 2 ** 20)} MiB`;
  return written.length > 0 ? `it wrote ${written.join(", ")}` : null;
}
