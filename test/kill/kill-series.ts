import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { pipeline } from "node:stream/promises";
import { repositoryRoot } from "../support/golden.js";

/** A command that is killed at random moments, and the files that it must have written when it has run to its end. */
export interface KillSeries {
  readonly name: string;
  /** Returns the arguments for one round. The current folder of a round is new and empty. */
  readonly args: (round: number) => readonly string[];
  /** Matches the files below the round's folder that must be the same in every round; other files may differ. */
  readonly sameFiles: RegExp;
  /** A cache that all rounds share, so that the next round finds what a killed one left there; null for a new cache in each round. */
  readonly cacheFolder: string | null;
  /** The exit code of a command that replaces nothing, if a stopped run had written everything. */
  readonly exitIfComplete?: number;
  /** Fills the new folder of a round. */
  readonly prepare?: (folder: string) => void;
  /** Returns further variables for a round. */
  readonly environment?: (folder: string) => Readonly<Record<string, string>>;
}

export interface KillCounts {
  readonly name: string;
  readonly secondsUndisturbed: number;
  readonly rounds: number;
  /** The number of rounds in which the program was killed before it had ended by itself. */
  readonly killed: number;
  readonly rerunsThatSucceeded: number;
  /** What was wrong, with the number of the round. */
  readonly faults: readonly string[];
}

/**
 * Stops the whole process group in each round, with SIGKILL and with Ctrl-C's signal in turn, runs the same command again, and
 * compares.
 */
export async function runKillSeries(series: KillSeries, rounds: number): Promise<KillCounts> {
  await undisturbed(series, -1); // fills the cache
  const { expected, milliseconds } = await undisturbed(series, 0);
  let killed = 0;
  let succeeded = 0;
  const faults: string[] = [];
  for (let round = 1; round <= rounds; round++)
    await inRoundFolder(async (folder) => {
      series.prepare?.(folder);
      const stop = { afterMs: Math.random() * milliseconds, signal: signals[round % signals.length]! };
      const exit = await run(series, round, folder, stop);
      if (exit === null || exit === interrupted) killed++;
      else if (exit !== 0) faults.push(`round ${round}: after ${stop.signal} it ended with ${exit}`);
      for (const [file, digest] of await digestsOf(folder, series.sameFiles))
        if (expected.get(file) !== digest) faults.push(`round ${round}: ${file} exists but is not complete`);
      const wasComplete = [...expected.keys()].every((file) => existsSync(join(folder, file)));
      const exitCode = await run(series, round, folder, null);
      if (exitCode === 0 || (wasComplete && exitCode === series.exitIfComplete)) succeeded++;
      else faults.push(`round ${round}: the run after the kill ended with ${exitCode}`);
      const found = await digestsOf(folder, series.sameFiles);
      for (const [file, digest] of expected)
        if (found.get(file) !== digest) faults.push(`round ${round}: ${file} differs after the second run`);
      const left = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
        name.includes(".partial-"),
      );
      if (left.length > 0) faults.push(`round ${round}: left over: ${left.join(", ")}`);
    });
  return {
    ...{ name: series.name, secondsUndisturbed: milliseconds / 1000, rounds, killed },
    ...{ rerunsThatSucceeded: succeeded, faults },
  };
}

const signals = ["SIGKILL", "SIGINT"] as const;
const interrupted = 130;

function undisturbed(series: KillSeries, round: number) {
  return inRoundFolder(async (folder) => {
    series.prepare?.(folder);
    const started = performance.now();
    const exitCode = await run(series, round, folder, null);
    const milliseconds = performance.now() - started;
    if (exitCode !== 0) throw new Error(`${series.name}: the undisturbed run ended with ${exitCode}`);
    return { expected: await digestsOf(folder, series.sameFiles), milliseconds };
  });
}

/** Resolves with the exit code, or null if the program was killed. */
async function run(
  series: KillSeries,
  round: number,
  folder: string,
  stop: { readonly afterMs: number; readonly signal: (typeof signals)[number] } | null,
): Promise<number | null> {
  const program = join(repositoryRoot, "dist", "build_processor.js");
  const child = spawn(process.execPath, [program, ...series.args(round)], {
    cwd: folder,
    detached: true,
    stdio: "ignore",
    env: {
      ...process.env,
      XDG_CACHE_HOME: series.cacheFolder ?? join(folder, "cache"),
      ...series.environment?.(folder),
    },
  });
  const timer = stop === null ? null : setTimeout(() => process.kill(-child.pid!, stop.signal), stop.afterMs);
  const [exitCode] = (await once(child, "exit")) as [number | null];
  if (timer !== null) clearTimeout(timer);
  return exitCode;
}

async function inRoundFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "kill-"));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function digestsOf(folder: string, names: RegExp): Promise<ReadonlyMap<string, string>> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .filter((name) => names.test(name));
  return new Map(
    await Promise.all(files.sort().map(async (name) => [name, await digestOf(join(folder, name))] as const)),
  );
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
