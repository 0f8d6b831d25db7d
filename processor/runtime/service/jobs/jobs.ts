import { randomUUID } from "node:crypto";
import type { EngineEvent, JobEngine } from "../engine/job-engine.js";
import { serviceError } from "../errors.js";
import { DurationMemo } from "./duration-memo.js";
import { Duties } from "./duties.js";
import { type EventLog, logOfEnded } from "./event-log.js";
import { isFinal, type Job, type JobProgress } from "./job.js";
import { type EndListener, JobEnds } from "./job-ends.js";
import type { JobStore } from "./job-store.js";
import { entryOf, type JobEntry, JobTable, type ListOptions, positionIn, type SentJob } from "./job-table.js";
import type { JobsOptions } from "./jobs-options.js";
import type { NewJob } from "./new-job.js";
import { shownEvent } from "./shown-event.js";
import { changeBy, type StateChange } from "./state-change.js";
import { newStoredJob, type StoredJob, shownJob } from "./stored-job.js";

/** The number of ended jobs whose events are kept for listeners who come late. */
const keptLogs = 64;
const progressEveryMs = 250;

/** All jobs of the server: the one place that knows their states. */
export class Jobs {
  readonly store: JobStore;
  readonly duties: Duties;
  readonly #options: JobsOptions;
  readonly #table = new JobTable();
  readonly #ends: JobEnds;
  readonly #durations = new DurationMemo();
  readonly #endedLogs: string[] = [];
  #engine: JobEngine | null = null;
  #isStopping = false;

  private constructor(options: JobsOptions) {
    this.#options = options;
    this.store = options.store;
    this.duties = new Duties(this.#table, options.store);
    this.#ends = new JobEnds(options.onTrouble);
  }

  /** Reads the jobs on disk and continues those that had not ended. */
  static async open(options: JobsOptions): Promise<Jobs> {
    const jobs = new Jobs(options);
    const found = await options.store.readAll();
    for (const stored of found) {
      jobs.#table.add(entryOf(stored));
      if (stored.state === "done") jobs.#durations.add(stored);
    }
    jobs.#engine = await options.openEngine((event) => jobs.#take(event));
    for (const stored of found) if (!isFinal(stored.state)) await jobs.#continue(stored);
    return jobs;
  }

  get engine(): JobEngine {
    return this.#engine!;
  }

  newId(): string {
    return randomUUID();
  }

  /** Calls a listener for each job that ends. */
  onEnd(listener: EndListener): void {
    this.#ends.listen(listener);
  }

  /**
   * Takes a job. The same key with the same request, or the same id, gives the job that exists.
   *
   * @throws JOB_EXISTS for a key or id with another request; QUEUE_FULL; NOT_READY
   */
  async submit(job: NewJob): Promise<{ readonly job: Job; readonly isNew: boolean }> {
    const same = this.#table.sameAs(job, this.#options.now());
    if (same !== null) return { job: this.#show(same), isNew: false };
    this.requireRoom(job.client);
    const { id, work } = job;
    const entry = entryOf(newStoredJob(job, this.#options.now()));
    this.#table.add(entry);
    try {
      entry.accepting = this.#accept(job, entry.stored);
      await entry.accepting;
    } catch (error) {
      this.#table.delete(id);
      throw error;
    } finally {
      entry.accepting = null;
    }
    this.#announceState(entry);
    this.engine.submit({ id, work });
    return { job: this.#show(entry), isNew: true };
  }

  /** Stores a job before it takes the client's files. After an error, these stay where they are, and nothing of the job is left. */
  async #accept({ id, prepare }: NewJob, stored: StoredJob): Promise<void> {
    const accepted = this.store.write(stored).then(prepare);
    await accepted.catch(async (error: unknown) => {
      await this.store.remove(id);
      throw error;
    });
  }

  /**
   * Returns the job that a client has sent already; null if there is none.
   *
   * @throws JOB_EXISTS for the same id or key with another request
   */
  findSame(job: SentJob): Job | null {
    const entry = this.#table.sameAs(job, this.#options.now());
    return entry === null ? null : this.#show(entry);
  }

  /** @throws QUEUE_FULL, NOT_READY if no further job can be taken */
  requireRoom(client: string): void {
    if (this.#isStopping) throw serviceError("NOT_READY", "the server is stopping");
    this.#table.requireRoom(client, this.#options);
  }

  /** @throws JOB_UNKNOWN */
  get(id: string): Job {
    return this.#show(this.#table.find(id));
  }

  /** @throws JOB_UNKNOWN */
  stored(id: string): StoredJob {
    return this.#table.find(id).stored;
  }

  /** Returns jobs, the newest first. */
  list(options: ListOptions): { readonly jobs: readonly Job[]; readonly next: string | null } {
    const { entries, next } = this.#table.page(options);
    const waiting = this.#table.waiting();
    return { jobs: entries.map((entry) => this.#show(entry, waiting)), next };
  }

  /**
   * Cancels a job. One that runs is `canceling` until it has really stopped.
   *
   * @throws JOB_UNKNOWN, JOB_ENDED
   */
  async cancel(id: string): Promise<Job> {
    await this.#table.find(id).accepting?.catch(() => {});
    const entry = this.#table.find(id);
    if (isFinal(entry.stored.state)) throw serviceError("JOB_ENDED", `the job is ${entry.stored.state}`);
    if (entry.stored.state !== "canceling") {
      // A disk that is full must not keep the job running.
      if (entry.stored.state === "running")
        await this.#change(entry, { state: "canceling" }).catch(this.#options.onTrouble);
      this.engine.cancel(id);
    }
    return this.#show(entry);
  }

  /**
   * Removes a job that has ended, with its files.
   *
   * @throws JOB_UNKNOWN, JOB_ENDED
   */
  async remove(id: string): Promise<void> {
    const entry = this.#table.find(id);
    const { state } = entry.stored;
    if (!isFinal(state)) throw serviceError("JOB_ENDED", `the job is ${state}; cancel it first`);
    // The id is free for another job only when nothing of this one is left under it.
    entry.removing ??= this.store.remove(id).finally(() => this.#table.delete(id));
    await entry.removing;
  }

  /** Removes the jobs that ended before a time. */
  async sweep(keptMs: number): Promise<number> {
    const old = this.#table.endedBefore(new Date(this.#options.now().getTime() - keptMs).toISOString());
    // A client may remove one meanwhile, and use its id again.
    for (const entry of old)
      if (this.#table.get(entry.stored.id) === entry) await this.remove(entry.stored.id);
    return old.length;
  }

  /** Returns the job when it has ended; null if the time or the signal ends the wait before. */
  async ended(id: string, limitMs: number, signal: AbortSignal): Promise<StoredJob | null> {
    const { stored } = this.#table.find(id);
    return isFinal(stored.state) ? stored : this.#ends.next(id, limitMs, signal);
  }

  /**
   * Returns the log of a job, which has its events so far and reports later ones; the caller must stop listening by itself.
   *
   * @throws JOB_UNKNOWN
   */
  logOf(id: string): EventLog {
    const { log, stored } = this.#table.find(id);
    return log ?? logOfEnded(stored);
  }

  counts(): ReturnType<JobTable["counts"]> {
    return this.#table.counts();
  }

  /** Stops taking jobs and ends the engine; running jobs may finish within the grace period. */
  async close(graceMs: number): Promise<void> {
    this.#isStopping = true;
    await this.engine.close(graceMs);
    await this.#written;
  }

  async #continue(stored: StoredJob): Promise<void> {
    const { id, work, state, attempts } = stored;
    if (this.engine.keepsJobs) {
      this.engine.submit({ id, work });
      if (state === "canceling") this.engine.cancel(id);
      return;
    }
    const entry = this.#table.find(id);
    const hadStarted = state === "running" || state === "canceling";
    if (!hadStarted || (this.#options.resumes && attempts < 2 && state === "running")) {
      await this.#change(entry, { state: "waiting", started: null });
      this.engine.submit({ id, work });
      return;
    }
    const { code, message, help } = serviceError("SERVER_RESTARTED", "the server ended while the job ran");
    await this.#end(entry, { state: "interrupted", error: { code, message, help } });
  }

  #take(event: EngineEvent): void {
    const entry = this.#table.get(event.id);
    if (entry === null || isFinal(entry.stored.state)) return;
    const { onTrouble } = this.#options;
    const shown = shownEvent(event, { folder: this.store.folderOf(event.id), onTrouble });
    const taken = this.#takeFor(entry, shown).catch(onTrouble);
    this.#written = Promise.all([this.#written, taken]).then(() => {});
  }

  #written: Promise<void> = Promise.resolve();

  async #takeFor(entry: JobEntry, event: EngineEvent): Promise<void> {
    if (event.kind === "progress") this.#progress(entry, event.progress);
    else if (event.kind === "log") entry.log?.add({ kind: "log", data: { line: event.line } });
    else {
      const change = changeBy(event, entry.stored, this.#options.now());
      if (change === null) return;
      if (isFinal(change.state)) await this.#end(entry, change);
      else await this.#change(entry, change);
    }
  }

  #progress(entry: JobEntry, progress: JobProgress): void {
    entry.progress = progress;
    const now = performance.now();
    if (progress.fraction < 1 && now - entry.lastProgressMs < progressEveryMs) return;
    entry.lastProgressMs = now;
    entry.log?.add({ kind: "progress", data: progress });
  }

  async #end(entry: JobEntry, change: StateChange): Promise<void> {
    const ended = this.#options.now().toISOString();
    const stored = this.#options.withDuties({ ...entry.stored, ...change, ended });
    entry.stored = stored;
    if (stored.state === "done") this.#durations.add(stored);
    try {
      await this.store.write(stored);
    } finally {
      this.#announceEnd(entry);
    }
  }

  #announceEnd(entry: JobEntry): void {
    const { stored } = entry;
    this.#announceState(entry);
    if (stored.result !== null) entry.log?.add({ kind: "result", data: stored.result });
    entry.log?.add({ kind: "end", data: { state: stored.state } });
    entry.progress = null;
    this.#endedLogs.push(stored.id);
    const oldest = this.#endedLogs.length > keptLogs ? this.#table.get(this.#endedLogs.shift()!) : null;
    if (oldest !== null) oldest.log = null;
    this.#ends.announce(stored);
    const waiting = this.#table.waiting();
    for (const other of waiting) this.#announceState(other, waiting);
  }

  async #change(entry: JobEntry, change: Partial<StoredJob>): Promise<void> {
    entry.stored = { ...entry.stored, ...change };
    this.#announceState(entry);
    await this.store.write(entry.stored);
  }

  #announceState(entry: JobEntry, waiting = this.#table.waiting()): void {
    const { state } = entry.stored;
    entry.log?.add({ kind: "state", data: { state, position: positionIn(waiting, entry) } });
  }

  #show(entry: JobEntry, waiting = this.#table.waiting()): Job {
    const { stored, progress } = entry;
    const now = this.#options.now();
    const position = positionIn(waiting, entry);
    return shownJob(stored, {
      position,
      starts_in_s:
        position === null
          ? null
          : this.#durations.secondsUntilStart(this.#table.running(), waiting.slice(0, position), now),
      progress: progress === null ? null : { ...progress, eta_s: this.#durations.secondsLeft(stored, now) },
    });
  }
}
