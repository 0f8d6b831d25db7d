import { hostname } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { BatchCase } from "./batch-case.js";
import { type Attempt, type CaseRecord, hasItsFiles, isOfRun, readRecord } from "./case-record.js";
import { type Claim, Claims } from "./claim.js";
import type { OpenedBatch } from "./open-batch.js";
import type { ClaimedCase } from "./run-case.js";

/** A case that this process may compute now. */
export interface TakenCase extends ClaimedCase {
  readonly claim: Claim;
}

export interface CaseQueueOptions {
  readonly batch: OpenedBatch;
  /** The cases of this process's shard. */
  readonly own: readonly BatchCase[];
  /** The cases of other shards that this process computes when its own are done. */
  readonly others: readonly BatchCase[];
  /** Called for a case that somebody else has finished. */
  readonly onRecord: (record: CaseRecord) => void;
}

/** The time between two looks at cases that other processes compute. */
const lookMs = 500;

/**
 * Hands out the cases of a batch, one at a time, each to one process only: first those that nobody has begun, then those that
 * failed and may succeed, then those whose process has ended.
 */
export class CaseQueue {
  readonly #options: CaseQueueOptions;
  readonly #claims = new Claims();
  readonly #fresh: BatchCase[];
  readonly #others: BatchCase[];
  /** Cases that failed and get another attempt, after the others so that another machine may be faster. */
  #again: BatchCase[] = [];
  /** Cases that other processes compute. */
  #foreign: BatchCase[] = [];
  /** The records of failures before this process began, which get new attempts. */
  readonly #before = new Map<string, string>();

  constructor(options: CaseQueueOptions) {
    this.#options = options;
    this.#fresh = [...options.own];
    this.#others = [...options.others];
  }

  /** Remembers the failures that are there, so that starting again tries them again. */
  async look(): Promise<void> {
    for (const { name } of this.#options.own) {
      const record = await readRecord(this.#options.batch.folder, name);
      if (record?.state === "failed") this.#before.set(name, record.ended);
    }
  }

  /** Puts a failed case back. */
  putBack(one: BatchCase): void {
    this.#again.push(one);
  }

  /**
   * Returns the next case; null if all are finished.
   *
   * @throws the signal's reason
   */
  async take(signal: AbortSignal): Promise<TakenCase | null> {
    for (;;) {
      signal.throwIfAborted();
      const next = this.#fresh.shift() ?? this.#others.shift() ?? this.#again.shift();
      if (next !== undefined) {
        const taken = await this.#attempt(next, signal);
        if (taken === "foreign") this.#foreign.push(next);
        else if (taken !== null) return taken;
        continue;
      }
      if (this.#foreign.length === 0) return null;
      const taken = await this.#takeForsaken(signal);
      if (taken !== null) return taken;
      if (this.#foreign.length === 0) continue;
      await wait(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    }
  }

  async #takeForsaken(signal: AbortSignal): Promise<TakenCase | null> {
    const foreign = this.#foreign;
    this.#foreign = [];
    for (const [i, one] of foreign.entries()) {
      const taken = await this.#attempt(one, signal);
      if (taken === "foreign") this.#foreign.push(one);
      else if (taken !== null) {
        this.#foreign = [...this.#foreign, ...foreign.slice(i + 1)];
        return taken;
      }
    }
    return null;
  }

  /** Returns null for a case that is finished. */
  async #attempt(one: BatchCase, signal: AbortSignal): Promise<TakenCase | "foreign" | null> {
    const { batch, onRecord } = this.#options;
    if (await this.#isFinished(one, signal)) return null;
    const found = await this.#claims.attempt(batch.folder.claimFile(one.name));
    if (found.kind === "foreign") return "foreign";
    // Somebody may have finished it before this process claimed it.
    const record = await this.#finishedRecord(one, signal);
    if (record !== null) {
      await found.claim.release();
      onRecord(record);
      return null;
    }
    return { one, claim: found.claim, attempts: await this.#attemptsOf(one, found.claim) };
  }

  async #isFinished(one: BatchCase, signal: AbortSignal): Promise<boolean> {
    const record = await this.#finishedRecord(one, signal);
    if (record !== null) this.#options.onRecord(record);
    return record !== null;
  }

  /** Returns the record of a case that needs no further attempt of this process. */
  async #finishedRecord(one: BatchCase, signal: AbortSignal): Promise<CaseRecord | null> {
    const { folder, run } = this.#options.batch;
    const record = await readRecord(folder, one.name);
    if (record === null || !isOfRun(record, one, run)) return null;
    if (record.state === "done") return (await hasItsFiles(folder, record, signal)) ? record : null;
    return record.mayRetry || this.#before.get(one.name) === record.ended ? null : record;
  }

  async #attemptsOf(one: BatchCase, { deaths, diedOn }: Claim): Promise<readonly Attempt[]> {
    const { folder, run } = this.#options.batch;
    const record = await readRecord(folder, one.name);
    const counts =
      record?.state === "failed" && isOfRun(record, one, run) && this.#before.get(one.name) !== record.ended;
    return [...(counts ? record.attempts : []), ...deathsAsAttempts(deaths, diedOn)];
  }
}

/** Returns an attempt for each process that ended without a word while it computed a case. */
export const deathsAsAttempts = (deaths: number, diedOn: string | null): readonly Attempt[] =>
  Array.from({ length: deaths }, () => ({
    host: diedOn ?? hostname(),
    started: new Date().toISOString(),
    seconds: 0,
    error: { code: "WORKER_DIED", message: "the process ended without a word" },
  }));
