import { setTimeout as wait } from "node:timers/promises";
import { Queue, QueueEvents } from "bullmq";
import type { Redis } from "ioredis";
import { readOrNull } from "../../contract/json-check.js";
import type {
  EngineEvent,
  EngineJob,
  EngineListener,
  EngineStatus,
  JobEngine,
} from "../service/engine/job-engine.js";
import { serviceError } from "../service/errors.js";
import {
  cancelKey,
  cancelKeySeconds,
  type EndEvent,
  queueIdOf,
  type ServiceJob,
  workerAnswer,
  workerNews,
} from "./service-job.js";

export interface QueueEngineOptions {
  /** A connection that is this engine's alone, and stays open when the engine ends. */
  readonly redis: Redis;
  readonly queueName: string;
  readonly listener: EngineListener;
}

/** A job whose end has not been reported. */
interface OpenJob {
  readonly job: EngineJob;
  readonly queueId: string;
  hasStarted: boolean;
  isCanceled: boolean;
  /** True while the state of the job is compared with the queue's; `mustLookAgain` asks for another look after that. */
  isLooking: boolean;
  mustLookAgain: boolean;
}

/** The attempts of a job that machines fail. */
const attempts = 3;
const backoffMs = 2000;
/** Every job is compared with the queue so often, because events may be lost. */
const lookMs = 2000;
const answerMs = 2000;
/** The time in which connections are closed in order. */
const closeMs = 2000;

/**
 * Gives jobs to workers on other machines, by a queue in Redis. What the queue says about a job counts; events only say when
 * to look. So no result is lost while Redis or this server is away.
 */
export class QueueEngine implements JobEngine {
  readonly keepsJobs = true;
  readonly #redis: Redis;
  readonly #queueName: string;
  readonly #report: EngineListener;
  readonly #queue: Queue<ServiceJob>;
  readonly #events: QueueEvents;
  readonly #open = new Map<string, OpenJob>();
  readonly #timer: NodeJS.Timeout;
  readonly #whenLost = (): void => {
    this.#isAnswering = false;
  };
  readonly #whenBack = (): void => void this.#look();
  #isAnswering = true;
  #isAsking = false;
  #isClosing = false;

  constructor({ redis, queueName, listener }: QueueEngineOptions) {
    this.#redis = redis;
    this.#queueName = queueName;
    this.#report = listener;
    this.#queue = new Queue<ServiceJob>(queueName, { connection: redis });
    this.#events = new QueueEvents(queueName, { connection: redis });
    // A lost connection is made again.
    this.#queue.on("error", () => {});
    this.#events.on("error", () => {});
    this.#events.on("progress", ({ jobId, data }) => this.#takeNews(jobId, data));
    for (const name of ["completed", "failed"] as const)
      this.#events.on(name, ({ jobId }: { readonly jobId: string }) => this.#lookAt(this.#open.get(jobId)));
    redis.on("close", this.#whenLost);
    redis.on("ready", this.#whenBack);
    this.#timer = setInterval(() => void this.#look(), lookMs);
    this.#timer.unref();
  }

  submit(job: EngineJob): void {
    const queueId = queueIdOf(job);
    const entry: OpenJob = {
      job,
      queueId,
      hasStarted: false,
      isCanceled: false,
      isLooking: false,
      mustLookAgain: false,
    };
    this.#open.set(queueId, entry);
    this.#lookAt(entry);
  }

  cancel(id: string): void {
    const entry = [...this.#open.values()].find(({ job }) => job.id === id);
    if (entry === undefined) return;
    entry.isCanceled = true;
    this.#lookAt(entry);
  }

  status(): EngineStatus {
    const isReady = this.#isAnswering && !this.#isClosing;
    const reason = this.#isClosing
      ? "the server is stopping"
      : "Redis does not answer; jobs and results are kept until it does";
    return {
      isReady,
      reason: isReady ? null : reason,
      running: [...this.#open.values()].filter(({ hasStarted }) => hasStarted).length,
      loadedModels: null,
    };
  }

  /** The networks are the workers'. */
  expire(): Promise<number> {
    return Promise.resolve(0);
  }

  /** Leaves every job to the workers; the next server with the same folder reports their results. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#timer);
    this.#redis.off("close", this.#whenLost);
    this.#redis.off("ready", this.#whenBack);
    const closed = Promise.all([this.#events.close(), this.#queue.close()]).catch(() => {});
    await Promise.race([closed, wait(closeMs, undefined, { ref: false })]);
  }

  /** Asks whether Redis answers, and then compares all jobs. */
  async #look(): Promise<void> {
    if (this.#isAsking || this.#isClosing) return;
    this.#isAsking = true;
    const asked = this.#redis.ping().then(
      () => true,
      () => false,
    );
    const late = wait(answerMs, null, { ref: false });
    if ((await Promise.race([asked, late])) === null) this.#isAnswering = false;
    this.#isAnswering = await asked;
    this.#isAsking = false;
    if (this.#isAnswering) for (const entry of this.#open.values()) this.#lookAt(entry);
  }

  #takeNews(queueId: string, data: unknown): void {
    const entry = this.#open.get(queueId);
    const news = readOrNull(workerNews, data, "");
    if (entry === undefined || news === null) return;
    const event = { ...news.value, id: entry.job.id } as EngineEvent;
    if (event.kind === "started") entry.hasStarted = true;
    else if (event.kind !== "waiting_for_device") this.#start(entry);
    this.#report(event);
  }

  /** Reports the start of a job whose news was missed. */
  #start(entry: OpenJob): void {
    if (entry.hasStarted) return;
    entry.hasStarted = true;
    this.#report({ kind: "started", id: entry.job.id });
  }

  #lookAt(entry: OpenJob | undefined): void {
    if (entry === undefined || this.#isClosing) return;
    entry.mustLookAgain = true;
    if (!entry.isLooking) void this.#compare(entry);
  }

  async #compare(entry: OpenJob): Promise<void> {
    entry.isLooking = true;
    try {
      while (entry.mustLookAgain && this.#open.has(entry.queueId)) {
        entry.mustLookAgain = false;
        await this.#compareOnce(entry);
      }
    } catch {
      // The connection was lost in between; the next look repeats it.
    } finally {
      entry.isLooking = false;
    }
  }

  async #compareOnce(entry: OpenJob): Promise<void> {
    const { queueId, job } = entry;
    const found = await this.#queue.getJob(queueId);
    const state = found === undefined ? "unknown" : await found.getState();
    if (found === undefined || state === "unknown") {
      if (entry.isCanceled) return await this.#end(entry, { kind: "canceled", id: job.id });
      await this.#add(entry);
      return;
    }
    // The answer may have come after the job was read.
    if (state === "completed")
      return await this.#end(entry, answerOf((await this.#queue.getJob(queueId))?.returnvalue, job.id));
    if (state === "failed") {
      const reason = (await this.#queue.getJob(queueId))?.failedReason ?? "";
      return await this.#end(entry, { kind: "failed", id: job.id, error: failureOf(reason) });
    }
    if (!entry.isCanceled) {
      const news = readOrNull(workerNews, found.progress, "");
      if (state === "active" && news !== null && news.value.kind !== "waiting_for_device") this.#start(entry);
      return;
    }
    if (state === "active")
      await this.#redis.set(cancelKey(this.#queueName, queueId), "1", "EX", cancelKeySeconds);
    else if ((await this.#queue.remove(queueId)) === 1)
      await this.#end(entry, { kind: "canceled", id: job.id });
    else entry.mustLookAgain = true;
  }

  async #add({ job: { id, work }, queueId }: OpenJob): Promise<void> {
    await this.#queue.add(
      "job",
      { kind: "service-job", id, work },
      {
        jobId: queueId,
        attempts,
        backoff: { type: "exponential", delay: backoffMs },
        removeOnComplete: false,
        removeOnFail: false,
      },
    );
  }

  async #end(entry: OpenJob, event: EndEvent): Promise<void> {
    const { queueId } = entry;
    this.#open.delete(queueId);
    if (event.kind === "done") this.#start(entry);
    this.#report(event);
    await this.#queue.remove(queueId);
    await this.#redis.del(cancelKey(this.#queueName, queueId));
  }
}

function answerOf(value: unknown, id: string): EndEvent {
  const answer = readOrNull(workerAnswer, value, "");
  if (answer !== null) return { ...answer.value, id };
  return { kind: "failed", id, error: failureOf("its worker gave an answer that this server does not know") };
}

/** A failure that no worker could describe: two of them ended while they had the job. */
function failureOf(reason: string) {
  const text = /stalled/.test(reason) ? "two workers ended while they computed the job" : reason;
  const { code, message, help } = serviceError("WORKER_DIED", text);
  return { code, message, help };
}
