import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { serviceError } from "../errors.js";
import type { JobError } from "../jobs/job.js";
import type { EngineEvent, EngineJob, LoadedNetworks, PreparedModel, PrepareEvent } from "./job-engine.js";
import type { FromWorker, ToWorker, WorkerSettings } from "./worker-messages.js";

export interface WorkerProcessOptions {
  /** The module that the process runs. */
  readonly program: string;
  readonly settings: WorkerSettings;
  /** Variables of the process in addition to this one's, such as CUDA_VISIBLE_DEVICES. */
  readonly environment: Readonly<Record<string, string>>;
  /** Receives the last lines of a process that died. */
  readonly onDeath: (text: string) => void;
  readonly onEvent: (event: EngineEvent) => void;
  /** Called when the next job can run. */
  readonly onFree: () => void;
}

/** A process that has not stopped after this time is ended; its networks are loaded again for the next job. */
const stopWithinMs = 60_000;
const keptErrorBytes = 4096;

interface Preparation {
  readonly left: Set<string>;
  readonly listener: (event: PrepareEvent) => void;
  readonly resolve: () => void;
}

/** A process that computes jobs, one after the other. It is started for the first job, and again after it died. */
export class WorkerProcess {
  readonly #options: WorkerProcessOptions;
  #child: ChildProcess | null = null;
  #current: EngineJob | null = null;
  #loaded: readonly LoadedNetworks[] = [];
  #interruption: JobError | null = null;
  #isCanceling = false;
  #killTimer: NodeJS.Timeout | null = null;
  #lastErrors = "";
  #onIdle: (() => void)[] = [];
  #preparation: Preparation | null = null;
  #onExpired: ((count: number) => void)[] = [];

  constructor(options: WorkerProcessOptions) {
    this.#options = options;
  }

  /** The job that runs; null if there is none. */
  get current(): EngineJob | null {
    return this.#current;
  }

  get loaded(): readonly LoadedNetworks[] {
    return this.#loaded;
  }

  run(job: EngineJob): void {
    this.#current = job;
    this.#isCanceling = false;
    this.#child ??= this.#start();
    this.#send({ kind: "run", job });
  }

  /** Makes models ready; a process that dies meanwhile fails those that are not. */
  prepare(models: readonly PreparedModel[], listener: (event: PrepareEvent) => void): Promise<void> {
    this.#child ??= this.#start();
    return new Promise((resolve) => {
      this.#preparation = { left: new Set(models.map(({ modelId }) => modelId)), listener, resolve };
      this.#send({ kind: "prepare", models });
    });
  }

  cancel(): void {
    if (this.#current === null || this.#isCanceling) return;
    this.#isCanceling = true;
    this.#send({ kind: "cancel" });
    this.#killTimer = setTimeout(() => this.#child?.kill("SIGKILL"), stopWithinMs);
    this.#killTimer.unref();
  }

  /** Ends the job that runs as interrupted, and its process with it. */
  interrupt(error: JobError): void {
    if (this.#current === null) return;
    this.#interruption = error;
    this.#child?.kill("SIGKILL");
  }

  async expire(): Promise<number> {
    if (this.#child === null || this.#current !== null) return 0;
    return new Promise((resolve) => {
      this.#onExpired.push(resolve);
      this.#send({ kind: "expire" });
    });
  }

  idle(): Promise<void> {
    if (this.#current === null) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child === null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  #start(): ChildProcess {
    const { program, settings, environment } = this.#options;
    this.#lastErrors = "";
    const child = fork(program, [], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      this.#lastErrors = (this.#lastErrors + text).slice(-keptErrorBytes);
    });
    child.on("message", (message) => this.#take(message as FromWorker));
    child.once("error", () => this.#died(child, "it did not start"));
    child.once("exit", (code, signal) => this.#died(child, signal ?? `exit code ${code}`));
    this.#child = child;
    this.#send({ kind: "open", settings });
    return child;
  }

  #send(message: ToWorker): void {
    // A process that is gone is reported by its end.
    this.#child?.send(message, () => {});
  }

  #take(message: FromWorker): void {
    if (message.kind === "expired") {
      this.#loaded = [];
      for (const resolve of this.#onExpired.splice(0)) resolve(message.count);
      return;
    }
    if (message.kind === "all_prepared") {
      this.#loaded = message.loaded;
      this.#endPreparation(null);
      return;
    }
    if (message.kind === "preparing" || message.kind === "prepared" || message.kind === "unprepared") {
      if (message.kind !== "preparing") this.#preparation?.left.delete(message.modelId);
      this.#preparation?.listener(message);
      return;
    }
    const id = this.#current?.id;
    if (id === undefined) return;
    if ("loaded" in message) {
      const { loaded, ...event } = message;
      this.#loaded = loaded;
      this.#finish({ ...event, id });
      return;
    }
    this.#options.onEvent({ ...message, id });
  }

  #died(child: ChildProcess, how: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    this.#loaded = [];
    for (const resolve of this.#onExpired.splice(0)) resolve(0);
    this.#endPreparation(how);
    const id = this.#current?.id;
    if (id === undefined) return;
    if (this.#interruption !== null) {
      const error = this.#interruption;
      this.#interruption = null;
      this.#finish({ kind: "interrupted", id, error });
      return;
    }
    if (this.#isCanceling) {
      this.#finish({ kind: "canceled", id });
      return;
    }
    this.#options.onDeath(`a process that computes ended by ${how}: ${this.#lastErrors}`);
    const { code, message, help } = serviceError(
      "WORKER_DIED",
      `the process that computed the job ended by ${how}`,
    );
    this.#finish({ kind: "failed", id, error: { code, message, help } });
  }

  #endPreparation(how: string | null): void {
    const { left, listener, resolve } = this.#preparation ?? {};
    this.#preparation = null;
    for (const modelId of how === null ? [] : (left ?? [])) {
      const { code, message, help } = serviceError(
        "WORKER_DIED",
        `the process that made it ready ended by ${how}`,
      );
      listener?.({ kind: "unprepared", modelId, error: { code, message, help } });
    }
    resolve?.();
  }

  #finish(event: EngineEvent): void {
    if (this.#killTimer !== null) clearTimeout(this.#killTimer);
    this.#current = null;
    this.#options.onEvent(event);
    for (const resolve of this.#onIdle.splice(0)) resolve();
    this.#options.onFree();
  }
}
