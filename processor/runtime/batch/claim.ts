import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { hostname } from "node:os";
import { type Checked, count, record, text } from "../../contract/json-check.js";
import { parseOrNull } from "../../contract/parse-checked.js";
import { type Beat, beat, beatOf, createOwnerFile, takeAway } from "../../files/owner-file.js";
import { hasEnded, isOfThisMachine, processTag } from "../../files/process-tag.js";
import { readTextFile } from "../../files/read-text-file.js";
import { writeFileWhole } from "../../files/write-file.js";

const owner = record({
  host: text,
  pid: count,
  /** The `processTag`, which also tells processes with the same id apart. */
  process: text,
  token: text,
  started: text,
  /** The number of processes that ended without a word while they computed the case, before this one. */
  deaths: count,
});

/** The processes that died while they computed a case, in a file next to its claim. */
const obituary = record({ deaths: count, host: text });

type Obituary = Checked<typeof obituary>;

const obituaryOf = (path: string): string => `${path}.deaths`;

type Owner = Checked<typeof owner>;

/** The time between two signs of life of a claim. */
const heartbeatMs = 15_000;
/** A claim of another machine that shows no sign of life for this long belongs to a process that has ended. */
export const staleMs = 120_000;
const mostBytes = 10_000;

/** The right to compute a case. */
export interface Claim {
  /** The number of processes that ended while they computed the case. */
  readonly deaths: number;
  /** The machine of the last of them; null if there is none. */
  readonly diedOn: string | null;
  release(): Promise<void>;
}

/** What stands at a case's claim. */
export type ClaimAttempt =
  | { readonly kind: "claimed"; readonly claim: Claim }
  /** Another process computes the case. */
  | { readonly kind: "foreign"; readonly host: string };

/**
 * Claims cases for this process. A claim is a file that only one process can create, with a heartbeat. Claims avoid
 * double work and are not needed for correctness, because results are renamed into place.
 */
export class Claims {
  /** The last sign of life of each foreign claim, and when it was first seen by this machine's own monotonic clock. */
  readonly #seen = new Map<string, { readonly beat: string; readonly since: number }>();
  readonly #now: () => number;

  /** @param now the milliseconds of a monotonic clock; times of different machines are never compared */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /**
   * @param isForsaken true if the caller knows that the claim's owner no longer computes the case
   * @throws OUTPUT_UNWRITABLE, DISK_FULL
   */
  async attempt(path: string, isForsaken = false): Promise<ClaimAttempt> {
    for (;;) {
      const own = await this.#create(path);
      if (own !== null) return { kind: "claimed", claim: own };
      const beat = await beatOf(path);
      if (beat === null) continue;
      const found = await readOwner(path);
      const host = found?.host ?? "an unknown host";
      if (!(isForsaken || this.#isStale(path, beat) || hasOwnerEnded(found, beat)))
        return { kind: "foreign", host };
      // Everybody who finds the claim writes the same, before anybody can have the case.
      await writeObituary(path, { deaths: (found?.deaths ?? 0) + 1, host });
      await takeAway(path, found?.token ?? null, tokenOf);
    }
  }

  #isStale(path: string, { text: beat }: Beat): boolean {
    const seen = this.#seen.get(path);
    if (seen?.beat === beat) return this.#now() - seen.since > staleMs;
    this.#seen.set(path, { beat, since: this.#now() });
    return false;
  }

  async #create(path: string): Promise<Claim | null> {
    const token = randomUUID();
    const died = await readObituary(path);
    const content: Owner = {
      host: hostname(),
      pid: process.pid,
      process: processTag(),
      token,
      started: new Date().toISOString(),
      deaths: died?.deaths ?? 0,
    };
    if (!(await createOwnerFile(path, JSON.stringify(content)))) return null;
    this.#seen.delete(path);
    const heartbeat = setInterval(() => void beat(path), heartbeatMs);
    heartbeat.unref();
    return {
      deaths: content.deaths,
      diedOn: died?.host ?? null,
      release: async () => {
        clearInterval(heartbeat);
        if ((await readOwner(path))?.token !== token) return;
        await rm(obituaryOf(path), { force: true });
        await rm(path, { force: true });
      },
    };
  }
}

/** The age of another machine's claim is not known: clocks differ, and may jump. */
const hasOwnerEnded = (found: Owner | null, { mtimeMs }: Beat): boolean =>
  found !== null && isOfThisMachine(found.process) && hasEnded(found.process, mtimeMs);

async function readOwner(path: string): Promise<Owner | null> {
  const json = await readTextFile(path, mostBytes).catch(() => null);
  return json === null ? null : parseOrNull(json, owner);
}

const tokenOf = async (path: string): Promise<string | null> => (await readOwner(path))?.token ?? null;

async function readObituary(path: string): Promise<Obituary | null> {
  const json = await readTextFile(obituaryOf(path), mostBytes).catch(() => null);
  return json === null ? null : parseOrNull(json, obituary);
}

const writeObituary = (path: string, died: Obituary): Promise<void> =>
  writeFileWhole(obituaryOf(path), [Buffer.from(JSON.stringify(died))]);
