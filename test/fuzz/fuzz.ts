import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { FuzzProcess } from "./fuzz-process.js";
import type { FuzzOutcome } from "./fuzz-worker.js";
import { mutate } from "./mutations/mutate.js";
import { Random } from "./mutations/random.js";
import type { FuzzSeed } from "./readers/fuzzed-reader.js";
import { fuzzedReaders } from "./readers.js";

export interface FuzzOptions {
  readonly seed: number;
  /** The time for changed files; reading the unchanged seeds is not counted. */
  readonly seconds: number;
  /** Names from the table in `readers.ts`. */
  readonly readers: readonly string[];
}

export interface FuzzCount {
  inputs: number;
  accepted: number;
  refused: number;
}

export interface FuzzFailure {
  readonly reader: string;
  /** A stack trace, or the limit that was exceeded. */
  readonly reason: string;
  /** A copy of the input. */
  readonly file: string;
}

export interface FuzzReport {
  readonly counts: Readonly<Record<string, FuzzCount>>;
  readonly failures: readonly FuzzFailure[];
}

/** The number of failures after which fuzzing stops, because the same fault would be found again and again. */
const mostFailures = 20;

/**
 * Divides the time among the readers and gives them changed files. A reader must either read a file correctly or refuse it
 * with an error code.
 *
 * @throws Error if a reader does not accept one of its seeds as it is
 */
export async function fuzz({ seed, seconds, readers }: FuzzOptions): Promise<FuzzReport> {
  const turns = readers.map((reader) => turnOf(reader, seed));
  const failures: FuzzFailure[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "fuzz-"));
  const kept = mkdtempSync(join(tmpdir(), "fuzz-failures-"));
  const worker = new FuzzProcess(scratch);
  try {
    const seeds = await acceptedSeeds(readers, { worker, scratch });
    const end = performance.now() + seconds * 1000;
    while (performance.now() < end && failures.length < mostFailures) {
      const turn = turns.reduce((least, other) => (other.usedMs < least.usedMs ? other : least));
      const start = performance.now();
      const { reader, random, count } = turn;
      const chosen = random.oneOf(seeds.get(reader)!);
      const bytes = mutate(chosen.bytes(), fuzzedReaders[reader]!.mutation, random);
      const { kind, reason, file } = await read({ reader, seed: chosen, bytes }, { worker, scratch });
      turn.usedMs += performance.now() - start;
      count.inputs += 1;
      if (kind !== "failed") count[kind] += 1;
      else {
        const copy = join(kept, `${failures.length}-${basename(file)}`);
        copyFileSync(file, copy);
        failures.push({ reader, reason: reason!, file: copy });
      }
    }
  } finally {
    worker.stop();
    rmSync(scratch, { recursive: true });
    if (failures.length === 0) rmSync(kept, { recursive: true });
  }
  return { counts: Object.fromEntries(turns.map(({ reader, count }) => [reader, count])), failures };
}

/** One reader's share of the time. Fast readers get more inputs; the same seed always gives the same inputs. */
interface Turn {
  readonly reader: string;
  readonly random: Random;
  readonly count: FuzzCount;
  usedMs: number;
}

const turnOf = (reader: string, seed: number): Turn => ({
  reader,
  random: new Random(seed + crc32(reader)),
  count: { inputs: 0, accepted: 0, refused: 0 },
  usedMs: 0,
});

interface Place {
  readonly worker: FuzzProcess;
  /** An otherwise empty folder for the input's folder. */
  readonly scratch: string;
}

/** Returns the seeds. A seed that is refused unchanged is a problem, because no code after the failed check would be tested. */
async function acceptedSeeds(
  readers: readonly string[],
  place: Place,
): Promise<ReadonlyMap<string, readonly FuzzSeed[]>> {
  const accepted = new Map<string, readonly FuzzSeed[]>();
  const problems: string[] = [];
  for (const reader of readers) {
    const seeds = await fuzzedReaders[reader]!.seeds();
    if (seeds.length === 0) problems.push(`${reader} has no seeds`);
    for (const seed of seeds) {
      const { kind, reason } = await read({ reader, seed, bytes: seed.bytes() }, place);
      if (kind !== "accepted")
        problems.push(`${reader}: ${seed.path} is ${kind} although it is unchanged: ${reason}`);
    }
    accepted.set(reader, seeds);
  }
  if (problems.length > 0) throw new Error(problems.join("\n"));
  return accepted;
}

interface Input {
  readonly reader: string;
  readonly seed: FuzzSeed;
  readonly bytes: Buffer;
}

/** Writes the input and its companions into an empty folder and reads them. */
async function read(
  { reader, seed, bytes }: Input,
  { worker, scratch }: Place,
): Promise<FuzzOutcome & { readonly file: string }> {
  for (const entry of readdirSync(scratch)) rmSync(join(scratch, entry), { recursive: true });
  const folder = join(scratch, "input");
  const write = (path: string, content: Buffer): string => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    return file;
  };
  for (const [path, content] of Object.entries(seed.companions ?? {})) write(path, content());
  const file = write(seed.path, bytes);
  const outcome = await worker.outcomeOf({ reader, folder, file });
  const written = readdirSync(scratch).filter((entry) => entry !== "input");
  if (written.length === 0) return { ...outcome, file };
  return { ...outcome, kind: "failed", reason: `it wrote ${written.join(", ")}`, file };
}
