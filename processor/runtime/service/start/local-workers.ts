import type { JobEngine, OpenEngine, PreparedModel, PrepareEvent } from "../engine/job-engine.js";
import { openLocalEngine } from "../engine/local-engine.js";
import { WorkerProcess, type WorkerProcessOptions } from "../engine/worker-process.js";
import type { ServeSettings } from "./serve-settings.js";

export interface WorkersOptions {
  readonly settings: ServeSettings;
  /** The module that computes jobs in a process of its own. */
  readonly workerProgram: string;
  /** Variables of those processes in addition to this one's. */
  readonly workerEnvironment: Readonly<Record<string, string>>;
  readonly cacheFolder: string;
  /** Receives lines of JSON. */
  readonly writeLog: (line: string) => void;
}

/** Runs jobs in processes of this machine: one for each GPU that the settings name, or one. */
export function localEngineOf(options: WorkersOptions): OpenEngine {
  const { gpus } = options.settings;
  const workers = (gpus ?? [null]).map((gpu) => workerOptions(options, gpu));
  return (listener): Promise<JobEngine> => Promise.resolve(openLocalEngine({ workers, listener }));
}

/** Makes models ready in a process that ends afterwards, for jobs that other machines compute. */
export async function prepareApart(
  options: WorkersOptions,
  models: readonly PreparedModel[],
  { listener, signal }: { readonly listener: (event: PrepareEvent) => void; readonly signal: AbortSignal },
): Promise<void> {
  const worker = new WorkerProcess({ ...workerOptions(options, null), onEvent: () => {}, onFree: () => {} });
  const close = (): void => void worker.close();
  signal.addEventListener("abort", close, { once: true });
  try {
    await worker.prepare(models, listener);
  } finally {
    signal.removeEventListener("abort", close);
    await worker.close();
  }
}

function workerOptions(
  { settings, workerProgram, workerEnvironment, cacheFolder, writeLog }: WorkersOptions,
  gpu: number | null,
): Omit<WorkerProcessOptions, "onEvent" | "onFree"> {
  const { device, threads, modelMemoryBytes, gpuWaitMs } = settings;
  return {
    program: workerProgram,
    settings: { device, threads, modelMemoryBytes, cacheFolder, gpuWaitMs },
    environment: {
      ...workerEnvironment,
      ...(gpu === null ? {} : { CUDA_VISIBLE_DEVICES: String(gpu) }),
    },
    onDeath: (message) =>
      writeLog(JSON.stringify({ time: new Date().toISOString(), level: "error", message })),
  };
}
