import { setTimeout as wait } from "node:timers/promises";
import type { Service } from "../create-service.js";
import type { PreparedModel, PrepareEvent } from "../engine/job-engine.js";
import { serviceError } from "../errors.js";
import type { ServedModel, ServedModels } from "../models/served-model.js";
import { completeRequest } from "../requests/complete-request.js";

export interface PrepareOptions {
  readonly models: ServedModels;
  /** How long the models may be made ready until the server gives up. */
  readonly loadTimeoutMin: number;
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
 * Makes the models ready, such as requests that set nothing use them, and lets the service take jobs then. A model that
 * fails is served no longer; the others are.
 *
 * @throws LOAD_TIMEOUT
 */
export async function prepareModels(service: Service, options: PrepareOptions): Promise<void> {
  const { models, loadTimeoutMin, note, signal } = options;
  const { engine } = service.context.jobs;
  const usable = models.all.filter(({ error }) => error === null);
  let left = usable.length;
  const onEvent = (event: PrepareEvent): void => {
    const { kind, modelId } = event;
    if (kind === "preparing") {
      note(`${modelId}: ${event.line}`);
      return;
    }
    left--;
    models.markLoading(modelId, false);
    if (kind === "unprepared") models.fail(modelId, `${event.error.code}: ${event.error.message}`);
    if (left > 0) service.hold(`${left} of ${usable.length} models are being made ready`);
  };
  const timer = new AbortController();
  const late = wait(loadTimeoutMin * 60_000, "late" as const, { signal: timer.signal }).catch(() => null);
  const wanted = usable.flatMap((model) => preparedBy(model, models) ?? []);
  if (engine.prepare !== undefined) for (const { modelId } of wanted) models.markLoading(modelId, true);
  const prepared = engine.prepare?.(wanted, onEvent);
  const first = await Promise.race([prepared, late, aborted(signal)]);
  timer.abort();
  if (first === "late")
    throw serviceError(
      "LOAD_TIMEOUT",
      `the models were not ready within ${loadTimeoutMin} minutes (load_timeout_min)`,
    );
  if (signal.aborted) return;
  for (const { id, error } of models.all)
    if (error !== null) note(`the model ${id} cannot be used: ${error}`);
  service.hold(null);
}

/** Returns null for a model whose default_args only hold together with a request. */
function preparedBy({ id, path }: ServedModel, models: ServedModels): PreparedModel | null {
  try {
    const { checkpointName, folds } = completeRequest(id, {}, models).models[0]!;
    return { modelId: id, modelDir: path!, checkpointName, folds };
  } catch {
    return null;
  }
}
