import { caseNote } from "../../contract/progress/run-event.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import type { PredictCasesOptions, RunCases } from "../entries/predict.js";
import { runtimeError } from "../errors.js";
import type { RunnerFacts } from "../run/open-runner.js";
import { prepareRun } from "../run/run-model.js";
import type { ModelOrder } from "./case-messages.js";
import { CaseWorker } from "./case-worker.js";

/** Returns a way to segment cases side by side, one on each of several GPUs. */
export const runOnGpus =
  (gpus: readonly string[]): RunCases =>
  async (loaded, requests, options) => {
    const { existing, onEvent, signal } = options;
    await prepareRun(loaded, requests, options);
    const order = orderOf(options);
    const ending = new AbortController();
    const either = AbortSignal.any([signal, ending.signal]);
    const reports = new Map<CaseRequest, CaseReport>();
    const waiting = [...requests];
    let facts: RunnerFacts | null = null;
    const lane = async (gpu: string): Promise<void> => {
      const worker = new CaseWorker({ order, gpu, onEvent });
      try {
        const { device, inferenceEngine } = await worker.open(either);
        // Nothing but ONNX Runtime runs on GPUs.
        facts ??= { executionProvider: device, inferenceEngine, engineNote: null };
        for (let request = waiting.shift(); request !== undefined; request = waiting.shift()) {
          const outcome = await worker.segment(request, either, order, existing);
          const report = outcome.kind === "reported" ? outcome.report : died(request, outcome.how);
          reports.set(request, report);
          const { error } = report;
          if (outcome.kind === "died")
            onEvent(caseNote(request.name, "case-failed", `failed: ${error!.code}: ${error!.message}`));
        }
      } catch (error) {
        ending.abort(error);
        throw error;
      } finally {
        await worker.close();
      }
    };
    const ended = await Promise.allSettled(gpus.slice(0, Math.max(1, requests.length)).map(lane));
    for (const one of ended) if (one.status === "rejected") throw either.reason ?? one.reason;
    return { cases: requests.map((request) => reports.get(request)!), ...facts! };
  };

const orderOf = ({
  modelDir,
  folds,
  skipsPostProcessing,
  settings,
  hookModule,
}: PredictCasesOptions): ModelOrder => ({
  modelDir,
  folds,
  appliesPostProcessing: !skipsPostProcessing,
  settings,
  hookModule,
});

function died(request: CaseRequest, how: string): CaseReport {
  const { code, message, help } = runtimeError(
    "INFERENCE_FAILED",
    `the process that computed the case ended with ${how}`,
  );
  return {
    name: request.name,
    status: "failed",
    outputFile: request.outputs[0].path,
    error: { code: code as "INFERENCE_FAILED", message, help },
  };
}
