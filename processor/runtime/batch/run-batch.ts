import { setTimeout as wait } from "node:timers/promises";
import { counted } from "../../contract/counted.js";
import { caseNote, type EventListener, runNote } from "../../contract/progress/run-event.js";
import { sharedError } from "../../contract/shared-errors.js";
import { exists } from "../../files/exists.js";
import { mostDeaths } from "./after-failure.js";
import { CaseQueue, type TakenCase } from "./case-queue.js";
import type { CaseRecord } from "./case-record.js";
import { CaseWorker } from "./case-worker.js";
import type { FailureLimit } from "./failure-limit.js";
import type { OpenedBatch } from "./open-batch.js";
import { endedItsProcesses, giveUp, runCase } from "./run-case.js";
import { ofShard, type Shard } from "./shard.js";

export interface RunBatchOptions {
  /** Null for all cases. */
  readonly shard: Shard | null;
  /** True to go on with cases of other shards that nobody computes. */
  readonly steals: boolean;
  /** One worker for each entry, with the GPU that it sees; null for all GPUs, or none. */
  readonly workers: readonly (string | null)[];
  readonly retries: number;
  /** Null for no limit. */
  readonly maxFailures: FailureLimit | null;
  /** The time that running cases have to finish after the signal. */
  readonly graceSeconds: number;
  readonly onEvent: EventListener;
  /** Called when a case is finished, by this process or another. */
  readonly onFinished: (record: CaseRecord) => void;
  readonly signal: AbortSignal;
}

/** What became of the cases of this process. */
export interface BatchReport {
  readonly records: readonly CaseRecord[];
  readonly caseCount: number;
}

/**
 * Computes the cases of a batch that are not done. Any number of processes may do so at once, on any machine that sees the
 * folder; each case is computed by one of them.
 *
 * @throws SOME_CASES_FAILED if more cases failed than the limit allows; the failure that every case would have; the signal's
 *   reason
 */
export async function runBatch(batch: OpenedBatch, options: RunBatchOptions): Promise<BatchReport> {
  const { shard, steals, workers, onEvent, onFinished } = options;
  const { cases } = batch.manifest;
  const own = ofShard(cases, shard);
  const records = new Map<string, CaseRecord>();
  const finish = (record: CaseRecord): void => {
    records.set(record.case, record);
    onFinished(record);
  };
  const ofOwn = new Set(own);
  const others = steals ? cases.filter((one) => !ofOwn.has(one)) : [];
  const queue = new CaseQueue({ batch, own, others, onRecord: finish });
  await queue.look();
  const ending = new Ending(batch, options);
  const lane = async (gpu: string | null): Promise<void> => {
    const worker = new CaseWorker({ order: batch.order, gpu, onEvent });
    try {
      for (
        let taken = await queue.take(ending.noMore);
        taken !== null;
        taken = await queue.take(ending.noMore)
      ) {
        try {
          const record = await attempt(taken, worker);
          ending.count(record, own.length);
          if (!record.mayRetry) finish(record);
          else queue.putBack(taken.one);
        } finally {
          await taken.claim.release();
        }
      }
    } catch (error) {
      // Other lanes may still have time to finish their cases.
      if (!ending.noMore.aborted) ending.stop(error);
    } finally {
      await worker.close();
    }
  };
  const attempt = async (taken: TakenCase, worker: CaseWorker): Promise<CaseRecord> => {
    const deaths = taken.attempts.filter(({ error }) => error?.code === "WORKER_DIED");
    const record =
      deaths.length < mostDeaths
        ? await runCase(taken, { batch, worker, retries: options.retries, signal: ending.atOnce })
        : await giveUp(
            taken,
            batch,
            endedItsProcesses(
              `the case ended its process ${deaths.length} times, last on ${deaths.at(-1)!.host}`,
            ),
          );
    note(record, onEvent);
    return record;
  };
  try {
    await Promise.all(workers.map(lane));
  } finally {
    ending.close();
  }
  ending.throwIfStopped();
  return { records: cases.flatMap(({ name }) => records.get(name) ?? []), caseCount: own.length };
}

/** Reports a failure. The process that computes cases reports the rest. */
function note({ case: name, error, mayRetry }: CaseRecord, onEvent: EventListener): void {
  if (error === null) return;
  const next = mayRetry ? "; it gets another attempt" : "";
  onEvent(caseNote(name, "case-failed", `failed: ${error.code}: ${error.message}${next}`));
}

/** The time between two looks for a request to cancel the batch. */
const cancelLookMs = 2000;

/** Decides when a run ends before all its cases are finished. */
class Ending {
  /** Aborted when no further case may begin. */
  readonly noMore: AbortSignal;
  /** Aborted when running cases must stop. */
  readonly atOnce: AbortSignal;
  readonly #noMore = new AbortController();
  readonly #atOnce = new AbortController();
  readonly #closing = new AbortController();
  readonly #options: RunBatchOptions;
  #failures = 0;
  #reason: { readonly error: unknown } | null = null;
  #grace: NodeJS.Timeout | undefined;

  constructor(batch: OpenedBatch, options: RunBatchOptions) {
    this.#options = options;
    this.noMore = this.#noMore.signal;
    this.atOnce = this.#atOnce.signal;
    const { signal } = options;
    signal.addEventListener("abort", this.#onSignal);
    if (signal.aborted) this.#onSignal();
    void this.#lookForCancel(batch);
  }

  /** Counts a failure, and ends the run if there are too many. */
  count({ state, mayRetry }: CaseRecord, caseCount: number): void {
    const { maxFailures } = this.#options;
    if (state === "done" || mayRetry) return;
    this.#failures += 1;
    if (maxFailures === null || this.#failures <= maxFailures.of(caseCount)) return;
    this.stop(
      sharedError(
        "SOME_CASES_FAILED",
        `stopped after ${counted(this.#failures, "failure")}, because --max-failures is ${maxFailures.text}`,
      ),
    );
  }

  /** Ends the run with an error, unless it ends already. */
  stop(error: unknown): void {
    this.#reason ??= { error };
    this.#noMore.abort(error);
    this.#atOnce.abort(error);
  }

  throwIfStopped(): void {
    if (this.#reason !== null) throw this.#reason.error;
  }

  close(): void {
    clearTimeout(this.#grace);
    this.#closing.abort();
    this.#options.signal.removeEventListener("abort", this.#onSignal);
  }

  readonly #onSignal = (): void => {
    const { signal, graceSeconds, onEvent } = this.#options;
    if (graceSeconds === 0) {
      this.stop(signal.reason);
      return;
    }
    this.#reason ??= { error: signal.reason };
    this.#noMore.abort(signal.reason);
    onEvent(runNote("service", `running cases have ${graceSeconds} s to finish`));
    this.#grace = setTimeout(() => this.#atOnce.abort(signal.reason), graceSeconds * 1000);
  };

  async #lookForCancel({ folder }: OpenedBatch): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      if (await exists(folder.cancelFile))
        this.stop(sharedError("INTERRUPTED", "the batch was cancelled; start it again to go on"));
      await wait(cancelLookMs, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
