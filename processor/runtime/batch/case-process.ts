/**
 * The program of the process that computes a worker's cases, one after the other, with networks that are loaded once. A crash
 * of native code ends this process and fails one case; the worker goes on with another process. It ends with its worker.
 */
import { ProcessorError } from "../../contract/errors.js";
import { sharedError } from "../../contract/shared-errors.js";
import { systemError } from "../../files/system-error.js";
import { loadModel, withoutPostProcessing } from "../model/load-model.js";
import { memoryError } from "../run/memory-limit.js";
import { openRunner, type Runner } from "../run/open-runner.js";
import type { FromCaseProcess, ModelOrder, ToCaseProcess } from "./case-messages.js";

let runner: Runner | null = null;
let stop = new AbortController();

const send = (message: FromCaseProcess): void => void (process.connected && process.send!(message));

// The worker ends this process. A signal for the whole group, as of Ctrl-C, is the worker's to answer.
for (const name of ["SIGINT", "SIGTERM"] as const) process.on(name, () => {});
process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
process.on("message", (message: ToCaseProcess) => {
  if (message.type === "stop") stop.abort(sharedError("INTERRUPTED", "the case was stopped"));
  else take(message).catch(fail);
});

async function take(message: Exclude<ToCaseProcess, { readonly type: "stop" }>): Promise<void> {
  if (message.type === "open") {
    runner = await open(message.order);
    const { executionProvider, inferenceEngine } = runner;
    send({ type: "opened", device: executionProvider, inferenceEngine });
    return;
  }
  stop = new AbortController();
  try {
    const { request, existing } = message;
    const [report] = await runner!.segment([request], { existing, signal: stop.signal });
    send({ type: "done", report: report! });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    send({ type: "stopped" });
  }
}

async function open(order: ModelOrder): Promise<Runner> {
  const { modelDir, folds, appliesPostProcessing, settings, hookModule } = order;
  const whole = await loadModel(modelDir, folds);
  return openRunner(appliesPostProcessing ? whole : withoutPostProcessing(whole), {
    settings,
    hookModule,
    adaptHooks: null,
    onEvent: (event) => send({ type: "event", event }),
  });
}

function fail(thrown: unknown): void {
  const error = systemError(memoryError(thrown));
  if (error instanceof ProcessorError) send({ type: "failed", code: error.code, message: error.message });
  else
    send({
      type: "failed",
      code: null,
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    });
}
