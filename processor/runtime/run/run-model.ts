import { dirname } from "node:path";
import { checkExportMode } from "../../contract/check-export-mode.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import type { LoadedModel } from "../model/load-model.js";
import { checkOutputs } from "../outputs/check-outputs.js";
import { writeModelFiles } from "../outputs/model-files.js";
import { outputsOfProbabilities } from "../outputs/output-kinds.js";
import { type RunnerFacts, type RunnerOptions, type RunOptions, startRunner } from "./open-runner.js";

export interface RunModelOptions extends Omit<RunnerOptions, "adaptHooks">, Omit<RunOptions, "settings"> {}

export interface RunReport extends RunnerFacts {
  readonly cases: readonly CaseReport[];
}

/**
 * Loads the networks, segments the cases and ends the threads. The first case is read while the networks are loaded.
 *
 * @throws before the first case: INPUT_AMBIGUOUS, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, HOOK_INVALID, DEVICE_MISSING,
 *   EXPORT_MODE_UNFIT
 */
export async function runModel(
  loaded: LoadedModel,
  requests: readonly CaseRequest[],
  options: RunModelOptions,
): Promise<RunReport> {
  const { existing, signal } = options;
  await prepareRun(loaded, requests, options);
  const runner = await startRunner(loaded, { ...options, adaptHooks: null });
  try {
    const cases = await runner.segment(requests, { existing, signal });
    return { cases, ...(await runner.opened) };
  } finally {
    await runner.close();
  }
}

/**
 * Checks that the model can do what is asked and that the results can be written, and writes the files that belong to no
 * case.
 *
 * @throws INPUT_AMBIGUOUS, OUTPUT_EXISTS, OUTPUT_UNWRITABLE, EXPORT_MODE_UNFIT
 */
export async function prepareRun(
  loaded: LoadedModel,
  requests: readonly CaseRequest[],
  { settings, existing, onEvent }: Pick<RunModelOptions, "settings" | "existing" | "onEvent">,
): Promise<void> {
  const savesProbabilities = requests.some((request) => outputsOfProbabilities(request).length > 0);
  checkExportMode(settings.exportMode, loaded.manifest.models, { savesProbabilities });
  await checkOutputs(requests, existing);
  const forEnsembling = requests.flatMap(({ outputs }) =>
    outputs.filter(({ kind }) => kind === "probabilities"),
  );
  const folders = new Set(forEnsembling.map(({ path }) => dirname(path)));
  for (const folder of folders) await writeModelFiles(loaded, { folder, existing, onEvent });
}
