import type { EventListener } from "../../contract/progress/run-event.js";
import { CaseWorker } from "../batch/case-worker.js";
import type { OpenedBatch } from "../batch/open-batch.js";
import { ServiceProcess, type ServiceProcessOptions } from "./service-process.js";

/** A place for one case at a time, whose process keeps the networks of the last one. At most one of its processes lives. */
export interface Lane {
  readonly gpu: string | null;
  batch: OpenedBatch | null;
  worker: CaseWorker | null;
  service: ServiceProcess | null;
}

export interface LanesOptions {
  /** The GPU of each lane; null for all GPUs, or none. */
  readonly workers: readonly (string | null)[];
  readonly service: ServiceProcessOptions;
  readonly onEvent: EventListener;
}

/** The places of a worker of a queue. */
export class Lanes {
  readonly #options: LanesOptions;
  readonly #all: readonly Lane[];
  readonly #idle: Lane[];

  constructor(options: LanesOptions) {
    this.#options = options;
    this.#all = options.workers.map((gpu) => ({ gpu, batch: null, worker: null, service: null }));
    this.#idle = [...this.#all];
  }

  get areBusy(): boolean {
    return this.#idle.length < this.#all.length;
  }

  /** Returns a lane for a case. The caller takes no more cases than there are lanes. */
  take(): Lane {
    return this.#idle.pop()!;
  }

  giveBack(lane: Lane): void {
    this.#idle.push(lane);
  }

  async workerFor(lane: Lane, batch: OpenedBatch): Promise<CaseWorker> {
    if (lane.worker !== null && lane.batch === batch) return lane.worker;
    await lane.worker?.close();
    await lane.service?.close();
    lane.service = null;
    lane.batch = batch;
    lane.worker = new CaseWorker({ order: batch.order, gpu: lane.gpu, onEvent: this.#options.onEvent });
    return lane.worker;
  }

  async serviceFor(lane: Lane): Promise<ServiceProcess> {
    if (lane.service !== null) return lane.service;
    await lane.worker?.close();
    lane.worker = null;
    lane.batch = null;
    lane.service = new ServiceProcess(lane.gpu, this.#options.service);
    return lane.service;
  }

  async close(): Promise<void> {
    for (const { worker, service } of this.#all) {
      await worker?.close();
      await service?.close();
    }
  }
}
