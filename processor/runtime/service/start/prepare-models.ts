import { setTimeout as wait } from "node:timers/promises";
import type { Service } from "../create-service.js";
import type { JobEngine, PreparedModel, PrepareEvent } from "../engine/job-engine.js";
import { serviceError } from "../errors.js";
import { readFacts } from "../models/find-models.js";
import type { ServedModel, ServedModels } from "../models/served-model.js";
import { completeRequest } from "../requests/complete-request.js";

export interface PrepareOptions {
  readonly models: ServedModels;
  /** How long the server may take to make its models ready before it gives up. */
  readonly loadTimeoutMin: number;
  /** Makes models ready on this machine although the engine computes on others; absent if nothing does. */
  readonly prepareHere?: NonNullable<JobEngine["prepare"]>;
  /** Receives a line for people. */
  readonly note: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Resolves when a signal is aborted. */
export const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });

/**
 * Makes the models ready for requests without options, and then lets the service take jobs. A model that fails is no longer
 * served.
 *
 * @throws LOAD_TIMEOUT
 */
export async function prepareModels(service: Service, options: PrepareOptions): Promise<void> {
  const { models, loadTimeoutMin, note, signal } = options;
  const { engine } = service.context.jobs;
  const usable = models.all.filter(({ error }) => error === null);
  const wanted = usable.flatMap((model) => preparedBy(model, models) ?? []);
  // Other machines convert the folders of models, but need the others converted.
  const [prepare, own] =
    engine.prepare === undefined
      ? [options.prepareHere, wanted.filter(({ source }) => source !== null)]
      : [engine.prepare.bind(engine), wanted];
  let left = own.length;
  const placing: Promise<void>[] = [];
  const onEvent = (event: PrepareEvent): void => {
    const { kind, modelId } = event;
    if (kind === "preparing") {
      note(`${modelId}: ${event.line}`);
      service.hold(`${left} of ${own.length} models are being made ready; ${modelId}: ${event.line}`);
      return;
    }
    left--;
    models.markLoading(modelId, false);
    if (kind === "unprepared") models.fail(modelId, `${event.error.code}: ${event.error.message}`);
    else if (models.find(modelId)?.path === null) placing.push(place(models, event));
    if (left > 0) service.hold(`${left} of ${own.length} models are being made ready`);
  };
  const timer = new AbortController();
  const late = wait(loadTimeoutMin * 60_000, "late" as const, { signal: timer.signal }).catch(() => null);
  for (const { modelId } of own) models.markLoading(modelId, true);
  const prepared = own.length === 0 ? undefined : prepare?.(own, onEvent);
  const first = await Promise.race([prepared, late, aborted(signal)]);
  timer.abort();
  if (first === "late")
    throw serviceError(
      "LOAD_TIMEOUT",
      `the models were not ready within ${loadTimeoutMin} minutes (load_timeout_min)`,
    );
  if (signal.aborted) return;
  await Promise.all(placing);
  for (const { id, error } of models.all)
    if (error !== null) note(`the model ${id} cannot be used: ${error}`);
  service.hold(null);
}

/** Describes a model that was fetched; a job uses its converted folder. */
async function place(models: ServedModels, { modelId, folder }: Prepared): Promise<void> {
  try {
    models.place(modelId, folder, await readFacts(folder));
  } catch (error) {
    models.fail(modelId, error instanceof Error ? error.message : String(error));
  }
}

type Prepared = Extract<PrepareEvent, { readonly kind: "prepared" }>;

/** Returns null for a model whose default_args only hold together with a request. */
function preparedBy({ id, path, source }: ServedModel, models: ServedModels): PreparedModel | null {
  if (source !== null) return { modelId: id, modelDir: "", checkpointName: "", folds: null, source };
  try {
    const { checkpointName, folds } = completeRequest(id, {}, models).models[0]!;
    return { modelId: id, modelDir: path!, checkpointName, folds, source };
  } catch {
    return null;
  }
}
