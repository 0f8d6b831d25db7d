import { randomUUID } from "node:crypto";
import { mkdir, rm, rmdir } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type Checked, count, orNull, record, text } from "../../../processor/contract/json-check.js";
import { parseOrNull } from "../../../processor/contract/parse-checked.js";
import { beat, beatOf, createOwnerFile, takeAway } from "../../../processor/files/owner-file.js";
import { hasEnded, isOfThisMachine, processTag, tagOf } from "../../../processor/files/process-tag.js";
import { readTextFile } from "../../../processor/files/read-text-file.js";
import { outputError, writeFileWhole } from "../../../processor/files/write-file.js";
import { nnunetError } from "../../ground/errors/nnunet-errors.js";
import { isContainerRunning } from "./training-container.js";

/** The file in the folder of a fold that says which process trains there. */
export const claimFileName = "training.lock";

const owner = record({
  host: text,
  pid: count,
  /** The `processTag`, which also tells processes with the same id apart. */
  process: text,
  token: text,
  /** As `2026-11-28T22:10:03.120Z` */
  started: text,
  /** nnU-Net, or the program that runs its container; null before it is started. Both may outlive their owner. */
  trainer: orNull(record({ pid: count, process: text, container: orNull(text) })),
});

type Owner = Checked<typeof owner>;

const heartbeatMs = 10_000;
const pollMs = 1000;
/** If this many looks in a row find the same sign of life, the process of another machine counts as ended. */
export const deadPolls = 60;
const mostBytes = 10_000;

/** The right to train a fold, which only one process has at a time. */
export interface FoldClaim {
  /** Aborted if another process has taken the fold over, because it saw no sign of life of this one. */
  readonly lost: AbortSignal;
  /** Notes the program that trains. */
  noteTrainer(pid: number, container: string | null): Promise<void>;
}

export interface ClaimOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly onWarning: (text: string) => void;
  readonly signal: AbortSignal;
  /** What others are told that the owner of a claim does; "trains there" if absent. */
  readonly deed?: string;
  /** Waits a second before it looks again whether a process of another machine lives. */
  readonly pause?: (signal: AbortSignal) => Promise<void>;
}

/**
 * Runs `action` while no other process of this program, here or on a machine with the same folders, trains these folds. The
 * claim of a process that has ended does not count: on this machine, the system knows which have; of another machine, a claim
 * without a sign of life for a minute is taken over.
 *
 * @throws FOLD_IN_USE, before anything is trained; OUTPUT_UNWRITABLE, DISK_FULL
 */
export async function withClaimedFolds<T>(
  foldFolders: readonly string[],
  options: ClaimOptions,
  action: (claimOf: (foldFolder: string) => FoldClaim) => Promise<T>,
): Promise<T> {
  const claims = new Map<string, OwnedClaim>();
  try {
    // In the same order everywhere, so that of two commands at the same time one gets all of them.
    for (const folder of [...new Set(foldFolders)].sort()) claims.set(folder, await claim(folder, options));
    return await action((folder) => claims.get(folder)!);
  } finally {
    for (const one of claims.values()) await one.release();
  }
}

interface OwnedClaim extends FoldClaim {
  release(): Promise<void>;
}

async function claim(folder: string, options: ClaimOptions): Promise<OwnedClaim> {
  const path = join(folder, claimFileName);
  const firstMade = await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw outputError(folder, error);
  });
  const own: Owner = {
    host: hostname(),
    pid: process.pid,
    process: processTag(),
    token: randomUUID(),
    started: new Date().toISOString(),
    trainer: null,
  };
  try {
    while (!(await createOwnerFile(path, JSON.stringify(own)))) await removeDead(folder, options);
  } catch (error) {
    await removeEmpty(folder, firstMade);
    throw error;
  }
  const lost = new AbortController();
  const heartbeat = setInterval(() => {
    void readOwner(path).then(async (found) => {
      if (found?.token === own.token) await beat(path);
      else if (found !== null) lost.abort(inUse(folder, found, options));
    });
  }, heartbeatMs);
  heartbeat.unref();
  return {
    lost: lost.signal,
    async noteTrainer(pid, container) {
      if ((await readOwner(path))?.token !== own.token) return;
      const noted: Owner = { ...own, trainer: { pid, process: tagOf(pid), container } };
      await writeFileWhole(path, [Buffer.from(JSON.stringify(noted))]);
    },
    async release() {
      clearInterval(heartbeat);
      if ((await readOwner(path))?.token === own.token) await rm(path, { force: true });
      await removeEmpty(folder, firstMade);
    },
  };
}

/**
 * Removes the claim of a process that has ended. Waits for the next sign of life of one whose machine is not this one, because
 * clocks of machines differ.
 *
 * @throws FOLD_IN_USE if the process lives, or what it started still trains
 */
async function removeDead(folder: string, options: ClaimOptions): Promise<void> {
  const { onWarning, signal, pause = aSecond } = options;
  const path = join(folder, claimFileName);
  const first = await beatOf(path);
  const found = await readOwner(path);
  if (first === null) return;
  if (found !== null && isOfThisMachine(found.process)) {
    await requireEnded(folder, found, options);
    return takeAway(path, found.token, tokenOf);
  }
  onWarning(`${folder}: ${nameOf(found)} ${deedOf(options)}; looking for a minute whether it still does`);
  // Looks are counted, not seconds: while a file server does not answer, nobody can give a sign of life.
  for (let polls = 0; polls < deadPolls; polls++) {
    await pause(signal);
    signal.throwIfAborted();
    const next = await beatOf(path);
    if (next === null) return;
    if (next.text !== first.text) throw inUse(folder, await readOwner(path), options);
  }
  const container = found?.trainer?.container ?? null;
  const what =
    container === null ? "" : `; if its container still runs there, \`docker stop ${container}\` ends it`;
  onWarning(`${folder}: ${nameOf(found)} has ended without a word, and is forgotten${what}`);
  await takeAway(path, found?.token ?? null, tokenOf);
}

const aSecond = (signal: AbortSignal): Promise<void> => wait(pollMs, undefined, { signal });

/** @throws FOLD_IN_USE */
async function requireEnded(folder: string, found: Owner, options: ClaimOptions): Promise<void> {
  if (!hasEnded(found.process, 0)) throw inUse(folder, found, options);
  const { trainer } = found;
  if (trainer === null) return;
  const { pid, container } = trainer;
  if (container !== null && (await isContainerRunning(container, options.environment)))
    throw orphaned(folder, found, `its container ${container}`, `docker stop ${container}`);
  if (!hasEnded(trainer.process, 0))
    throw orphaned(folder, found, `its nnU-Net (process ${pid})`, `kill -- -${pid}`);
}

const inUse = (folder: string, found: Owner | null, options: ClaimOptions): Error =>
  nnunetError("FOLD_IN_USE", `${folder}: ${nameOf(found)} ${deedOf(options)}`);

const deedOf = ({ deed = "trains there" }: ClaimOptions): string => deed;

const orphaned = (folder: string, found: Owner, what: string, command: string): Error =>
  nnunetError(
    "FOLD_IN_USE",
    `${folder}: ${nameOf(found)} was killed, but ${what} still trains there; let it train to its end, or end it with \`${command}\``,
  );

/** @example nameOf(owner) // "process 4711 on node7, started at 2026-11-28T22:10:03.120Z," */
const nameOf = (found: Owner | null): string =>
  found === null
    ? "a process that its claim does not name"
    : `process ${found.pid} on ${found.host}, started at ${found.started},`;

async function readOwner(path: string): Promise<Owner | null> {
  const json = await readTextFile(path, mostBytes).catch(() => null);
  return json === null ? null : parseOrNull(json, owner);
}

const tokenOf = async (path: string): Promise<string | null> => (await readOwner(path))?.token ?? null;

/** Removes the folders that were made for a claim, as far as nothing else is in them. */
async function removeEmpty(folder: string, firstMade: string | undefined): Promise<void> {
  if (firstMade === undefined) return;
  try {
    for (let place = folder; place.length >= firstMade.length; place = dirname(place)) await rmdir(place);
  } catch {
    // The training has begun.
  }
}
