import type { EngineEvent, EngineJob } from "../service/engine/job-engine.js";
import type { WorkerSettings } from "../service/engine/worker-messages.js";
import { WorkerProcess } from "../service/engine/worker-process.js";
import { serviceError } from "../service/errors.js";
import { type EndEvent, isEnd } from "./service-job.js";

/** How a worker runs the jobs of services. */
export interface ServiceProcessOptions {
  /** The module of the process that computes them. */
  readonly program: string;
  readonly settings: WorkerSettings;
  /** Receives the last lines of a process that died. */
  readonly onDeath: (text: string) => void;
}

export interface RunOptions {
  readonly onEvent: (event: EngineEvent) => void;
  /** Ends the job as interrupted. */
  readonly signal: AbortSignal;
}

/** A process that keeps the networks of the jobs of services, for one job at a time. */
export class ServiceProcess {
  readonly #process: WorkerProcess;
  #onEvent: (event: EngineEvent) => void = () => {};

  constructor(gpu: string | null, { program, settings, onDeath }: ServiceProcessOptions) {
    this.#process = new WorkerProcess({
      program,
      settings,
      environment: gpu === null ? {} : { CUDA_VISIBLE_DEVICES: gpu },
      onDeath,
      onEvent: (event) => this.#onEvent(event),
      onFree: () => {},
    });
  }

  /** Returns how the job ended. */
  async run(job: EngineJob, { onEvent, signal }: RunOptions): Promise<EndEvent> {
    const { code, message, help } = serviceError("SERVER_RESTARTED", "the worker was stopped");
    const stop = (): void => this.#process.interrupt({ code, message, help });
    const end = new Promise<EndEvent>((resolve) => {
      this.#onEvent = (event) => (isEnd(event) ? resolve(event) : onEvent(event));
    });
    this.#process.run(job);
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      return await end;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  cancel(): void {
    this.#process.cancel();
  }

  close(): Promise<void> {
    return this.#process.close();
  }
}
