import { setTimeout as wait } from "node:timers/promises";
import { DelayedError, type Job, UnrecoverableError, Worker } from "bullmq";
import type { Redis } from "ioredis";
import { ProcessorError } from "../../contract/errors.js";
import { JsonMismatch } from "../../contract/json-check.js";
import { caseNote, type EventListener } from "../../contract/progress/run-event.js";
import type { ImageSettings } from "../../contract/run-settings.js";
import { exists } from "../../files/exists.js";
import { mostDeaths } from "../batch/after-failure.js";
import type { BatchCase } from "../batch/batch-case.js";
import { deathsAsAttempts } from "../batch/case-queue.js";
import { type CaseRecord, hasItsFiles, isOfRun, readRecord } from "../batch/case-record.js";
import { type Claim, type ClaimAttempt, Claims } from "../batch/claim.js";
import type { OpenedBatch } from "../batch/open-batch.js";
import { endedItsProcesses, giveUp, runCase } from "../batch/run-case.js";
import { serviceError } from "../service/errors.js";
import { type CaseJob, caseJob } from "./case-job.js";
import { Lanes } from "./lanes.js";
import { QueuedBatches } from "./queued-batches.js";
import { runServiceJob } from "./run-service-job.js";
import type { ServiceJob } from "./service-job.js";
import type { ServiceProcessOptions } from "./service-process.js";

export interface BatchWorkerOptions {
  readonly redis: Redis;
  readonly queueName: string;
  /** One for each case at a time, with the GPU that it sees; null for all GPUs, or none. */
  readonly workers: readonly (string | null)[];
  readonly dataRoots: readonly string[];
  /** The converted model of an image; null outside one. */
  readonly ownModel: string | null;
  readonly retries: number;
  /** Replaces the settings that depend on this machine. */
  readonly ownSettings: (settings: ImageSettings) => ImageSettings;
  /** How jobs of services run here. */
  readonly service: ServiceProcessOptions;
  readonly times: QueueTimes;
  readonly onEvent: EventListener;
  /** Called for a failure that every case would have on this machine, such as a full disk. */
  readonly onFailure: (error: ProcessorError) => void;
}

/** How soon workers notice that another one has ended without a word. */
export interface QueueTimes {
  /** The time after which another worker may have a job whose worker says nothing. */
  readonly lockMs: number;
  /** The time between two signs of life of a job's worker. */
  readonly renewMs: number;
  /** The time between two looks for jobs whose worker says nothing. */
  readonly stalledLookMs: number;
}

export const queueTimes: QueueTimes = { lockMs: 60_000, renewMs: 15_000, stalledLookMs: 30_000 };

/** The time before another look at a case that a process outside the queue computes. */
const foreignMs = 5000;
/** The time before another worker takes a case that this one's machine failed. */
const brokenMs = 1000;
/** The time that Redis has to come back when the worker ends. */
const patienceMs = 3000;
const closeLookMs = 100;

type QueueJob = CaseJob | ServiceJob;

/** Computes the cases of batches and the jobs of services that are in a queue, until it is closed. */
export class BatchWorker {
  readonly #options: BatchWorkerOptions;
  readonly #batches: QueuedBatches;
  readonly #claims = new Claims();
  readonly #lanes: Lanes;
  readonly #worker: Worker<QueueJob>;
  readonly #stop = new AbortController();
  /** The records of cases that BullMQ has given up, which are being written. */
  readonly #deathRecords = new Set<Promise<void>>();

  constructor(options: BatchWorkerOptions) {
    this.#options = options;
    this.#batches = new QueuedBatches(options);
    this.#lanes = new Lanes(options);
    this.#worker = new Worker<QueueJob>(options.queueName, (job, token) => this.#takeAny(job, token), {
      connection: options.redis,
      concurrency: options.workers.length,
      lockDuration: options.times.lockMs,
      lockRenewTime: options.times.renewMs,
      stalledInterval: options.times.stalledLookMs,
      maxStalledCount: 1,
    });
    // A lost connection is made again; a case that runs goes on.
    this.#worker.on("error", () => {});
    this.#worker.on("failed", (job) => {
      if (job === undefined || !isCase(job)) return;
      const writing = this.#recordDeath(job).catch(() => {});
      this.#deathRecords.add(writing);
      void writing.then(() => this.#deathRecords.delete(writing));
    });
  }

  /**
   * Ends the worker. Cases that run have the grace to finish; then they go back to the queue. Without Redis they cannot; then
   * the next worker finds their answers, or computes them again.
   */
  async close(graceMs: number): Promise<void> {
    const end = setTimeout(() => this.#stop.abort(new Error("the worker stops")), graceMs);
    const closed = new AbortController();
    const closing = this.#worker.close().finally(() => closed.abort());
    await this.#untilForsaken(closed.signal);
    if (!closed.signal.aborted) this.#options.redis.disconnect();
    await closing;
    await Promise.all(this.#deathRecords);
    clearTimeout(end);
    await this.#lanes.close();
  }

  /** Waits until no case runs any more and Redis stays away, or until the signal. */
  async #untilForsaken(signal: AbortSignal): Promise<void> {
    for (let missingSince = performance.now(); performance.now() - missingSince < patienceMs; ) {
      await wait(closeLookMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return;
      if (this.#lanes.areBusy || this.#options.redis.status === "ready") missingSince = performance.now();
    }
  }

  #takeAny(job: Job<QueueJob>, token: string | undefined): Promise<object> {
    return isCase(job) ? this.#take(job, token) : this.#takeService(job as Job<ServiceJob>, token);
  }

  async #takeService(job: Job<ServiceJob>, token: string | undefined): Promise<object> {
    const { redis, queueName, dataRoots, ownModel } = this.#options;
    const { signal } = this.#stop;
    const lane = this.#lanes.take();
    try {
      const process = await this.#lanes.serviceFor(lane);
      const end = await runServiceJob(job, { redis, queueName, process, dataRoots, ownModel, signal });
      return end.kind === "interrupted" ? await putBack(job, token, 0) : end;
    } catch (error) {
      throw this.#asJobError(error);
    } finally {
      this.#lanes.giveBack(lane);
    }
  }

  async #take(job: Job<CaseJob>, token: string | undefined): Promise<object> {
    const { signal } = this.#stop;
    let claim: Claim | null = null;
    try {
      const { batch, one } = await this.#caseOf(job, signal);
      const claimFile = batch.folder.claimFile(one.name);
      const isForsaken = job.stalledCounter > 0;
      const finished = await finishedRecord(batch, one, signal);
      if (finished !== null) {
        // Its worker ended after the record and before it gave back its claim.
        if (isForsaken) claim = claimOrNull(await this.#claims.attempt(claimFile, true));
        return answerOf(finished);
      }
      if (await exists(batch.folder.cancelFile)) throw new UnrecoverableError("the batch was cancelled");
      const found = await this.#claims.attempt(claimFile, isForsaken);
      if (found.kind === "foreign") return await putBack(job, token, foreignMs);
      claim = found.claim;
      const record = await this.#compute(batch, one, claim);
      if (record.error === null) return answerOf(record);
      const message = `${record.error.code}: ${record.error.message}`;
      this.#options.onEvent(caseNote(one.name, "case-failed", `failed: ${message}`));
      throw record.mayRetry ? new Error(message) : new UnrecoverableError(message);
    } catch (error) {
      if (signal.aborted && !(error instanceof DelayedError)) return await putBack(job, token, 0);
      if (!isOfMachine(error)) throw this.#asJobError(error);
      // Every machine may fail in this way; the case waits for one that does not, however many there are.
      this.#options.onFailure(error);
      return await putBack(job, token, brokenMs);
    } finally {
      await claim?.release();
    }
  }

  async #caseOf(
    job: Job<CaseJob>,
    signal: AbortSignal,
  ): Promise<{ readonly batch: OpenedBatch; readonly one: BatchCase }> {
    const data = caseJob.read(job.data, "");
    const batch = await this.#batches.open(data.folder, signal);
    const one = batch.manifest.cases.find(({ name }) => name === data.case);
    if (one === undefined) throw new UnrecoverableError(`${data.folder} has no case ${data.case}`);
    return { batch, one };
  }

  async #compute(batch: OpenedBatch, one: BatchCase, { deaths, diedOn }: Claim): Promise<CaseRecord> {
    const record = await readRecord(batch.folder, one.name);
    const before = record?.mayRetry === true && isOfRun(record, one, batch.run) ? record.attempts : [];
    const attempts = [...before, ...deathsAsAttempts(deaths, diedOn)];
    const died = attempts.filter(({ error }) => error?.code === "WORKER_DIED");
    if (died.length >= mostDeaths)
      return giveUp(
        { one, attempts },
        batch,
        endedItsProcesses(`the case ended its process ${died.length} times`),
      );
    const outside = await this.#batches.imageOutside(one);
    if (outside !== null) return giveUp({ one, attempts }, batch, outsideDataRoots(outside));
    const lane = this.#lanes.take();
    try {
      return await runCase(
        { one, attempts },
        {
          batch,
          worker: await this.#lanes.workerFor(lane, batch),
          retries: this.#options.retries,
          signal: this.#stop.signal,
        },
      );
    } finally {
      this.#lanes.giveBack(lane);
    }
  }

  /** Images, models and settings that are wrong stay wrong. A failure of the whole machine also ends this worker. */
  #asJobError(error: unknown): unknown {
    if (error instanceof JsonMismatch) return new UnrecoverableError(`the job ${error.message}`);
    if (!(error instanceof ProcessorError)) return error;
    const message = `${error.code}: ${error.message}`;
    if (!isOfMachine(error)) return new UnrecoverableError(message);
    this.#options.onFailure(error);
    return new Error(message);
  }

  /**
   * Writes the record of a job that BullMQ gives up because its workers died. A worker that stops meanwhile still writes it,
   * because no other worker learns of the job.
   */
  async #recordDeath(job: Job<CaseJob>): Promise<void> {
    if (!/stalled/.test(job.failedReason ?? "")) return;
    const { batch, one } = await this.#caseOf(job, new AbortController().signal);
    const record = await readRecord(batch.folder, one.name);
    if (record !== null && !record.mayRetry && isOfRun(record, one, batch.run)) return;
    const claim = claimOrNull(await this.#claims.attempt(batch.folder.claimFile(one.name), true));
    if (claim === null) return;
    try {
      const attempts = [...(record?.attempts ?? []), ...deathsAsAttempts(mostDeaths, claim.diedOn)];
      await giveUp(
        { one, attempts },
        batch,
        endedItsProcesses("two workers ended while they computed the case"),
      );
    } finally {
      // Forgets the deaths as well, so that the case gets new attempts when somebody submits it again.
      await claim.release();
    }
  }
}

async function finishedRecord(
  batch: OpenedBatch,
  one: BatchCase,
  signal: AbortSignal,
): Promise<CaseRecord | null> {
  const record = await readRecord(batch.folder, one.name);
  const isDone = record?.state === "done" && isOfRun(record, one, batch.run);
  return isDone && (await hasItsFiles(batch.folder, record, signal)) ? record : null;
}

const isOfMachine = (error: unknown): error is ProcessorError =>
  error instanceof ProcessorError && error.exitCode === 5;

const outsideDataRoots = (path: string): ProcessorError =>
  serviceError("PATH_FORBIDDEN", `the image ${path} is not below the data roots of its worker`);

const claimOrNull = (found: ClaimAttempt): Claim | null => (found.kind === "claimed" ? found.claim : null);

const isCase = (job: Job<QueueJob>): job is Job<CaseJob> => job.data.kind !== "service-job";

const answerOf = ({ host, device, seconds }: CaseRecord) => ({ host, device, seconds });

/** Puts a job back without counting an attempt. */
async function putBack(job: Job<QueueJob>, token: string | undefined, delayMs: number): Promise<never> {
  await job.moveToDelayed(Date.now() + delayMs, token);
  throw new DelayedError();
}
