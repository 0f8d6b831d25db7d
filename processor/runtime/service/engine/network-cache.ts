import { type EventListener, ignoreEvents, type RunEvent } from "../../../contract/progress/run-event.js";
import type { RunSettings } from "../../../contract/run-settings.js";
import {
  type LoadedMember,
  type LoadedModel,
  loadModel,
  withoutPostProcessing,
} from "../../model/load-model.js";
import { openRunner, type Runner } from "../../run/open-runner.js";
import type { LoadedNetworks } from "./job-engine.js";
import type { LocatedModel } from "./locate-model.js";
import type { WorkerSettings } from "./worker-messages.js";

/** A model whose networks are loaded. */
export interface CachedModel {
  readonly loaded: LoadedModel;
  readonly runner: Runner;
  /** Directs the events of the next run. */
  listen(listener: EventListener): void;
}

interface Kept extends CachedModel {
  readonly modelId: string;
  readonly bytes: number;
  readonly gpu: string | null;
}

/** How and where a model runs. */
export interface RunPlan {
  readonly settings: RunSettings;
  /** The GPU, by its name for CUDA_VISIBLE_DEVICES; null on a CPU, or if none is known. */
  readonly gpu: string | null;
}

/** The networks that stay loaded between jobs. When they need too much memory, those that were used longest ago go. */
export class NetworkCache {
  readonly #settings: WorkerSettings;
  /** The last one was used last. */
  readonly #kept = new Map<string, Kept>();

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  /** Returns a model, which the cache loads if necessary. */
  async open(
    modelId: string,
    { folder, folds }: LocatedModel,
    { settings, gpu }: RunPlan,
  ): Promise<CachedModel> {
    const key = JSON.stringify([
      folder,
      folds,
      settings.device,
      settings.precision,
      settings.inferenceEngine,
      gpu,
    ]);
    const present = this.#kept.get(key);
    if (present !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, present);
      return present;
    }
    const loaded = withoutPostProcessing(await loadModel(folder, folds));
    const bytes = bytesOf(loaded);
    await this.#makeRoom(bytes);
    let listener = ignoreEvents;
    const runner = await openRunner(loaded, {
      settings,
      gpu,
      hookModule: null,
      adaptHooks: null,
      onEvent: (event: RunEvent) => listener(event),
    });
    const opened: Kept = {
      modelId,
      loaded,
      runner,
      bytes,
      gpu,
      listen(next) {
        listener = next;
      },
    };
    this.#kept.set(key, opened);
    return opened;
  }

  /** The GPU of the networks that were used last; null if there are none. */
  get lastGpu(): string | null {
    return [...this.#kept.values()].at(-1)?.gpu ?? null;
  }

  loaded(): readonly LoadedNetworks[] {
    return [...this.#kept.values()].map(({ modelId, bytes }) => ({ modelId, bytes }));
  }

  /** Frees all networks, and returns their number. */
  async clear(): Promise<number> {
    const all = [...this.#kept.values()];
    this.#kept.clear();
    await Promise.all(all.map(({ runner }) => runner.close()));
    return all.length;
  }

  async #makeRoom(bytes: number): Promise<void> {
    for (const [key, { bytes: freed, runner }] of this.#kept) {
      const used = [...this.#kept.values()].reduce((sum, kept) => sum + kept.bytes, 0);
      if (used + bytes <= this.#settings.modelMemoryBytes || freed === 0) return;
      this.#kept.delete(key);
      await runner.close();
    }
  }
}

function bytesOf({ members }: LoadedModel): number {
  const ofMember = ({ weightBytes, previousStage }: LoadedMember): number =>
    weightBytes + (previousStage === null ? 0 : ofMember(previousStage));
  return members.reduce((sum, member) => sum + ofMember(member), 0);
}
