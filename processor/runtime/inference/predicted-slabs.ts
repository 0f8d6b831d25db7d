import type { InferencePlan, LabelDefinition } from "../../contract/manifest.js";
import type { ProgressTask } from "../../contract/progress/progress.js";
import type { Prepared } from "../preprocess/prepared.js";
import { runError } from "./inference-errors.js";
import { type InferenceThread, type Mailbox, post } from "./inference-thread.js";
import type { LabelTarget } from "./label-sums.js";
import type { LogitSlab } from "./logit-slab.js";
import { releasedIndex, stopIndex } from "./worker-messages.js";

export interface PredictOptions {
  readonly plan: InferencePlan;
  readonly labels: LabelDefinition;
  readonly heads: number;
  /** The most windows that go through the network together; null for any number. */
  readonly maximumBatch: number | null;
  readonly stepSize: number;
  /** The axes of test-time augmentation; empty to do without it. */
  readonly mirrorAxes: readonly number[];
  /** Called when the number of windows is known. */
  readonly startProgress: (windows: number) => ProgressTask;
  /** Called with a message that the user should see, for example if memory is too small or float16 overflows. */
  readonly onNote?: (line: string) => void;
  readonly signal: AbortSignal;
}

/** The options of a run that writes labels itself; it cannot mirror. */
export interface PredictLabelsOptions extends Omit<PredictOptions, "mirrorAxes"> {
  readonly target: LabelTarget;
}

/** Predicts one case and writes its labels, which need less memory than the outputs of all heads. */
export async function writeLabels(
  thread: InferenceThread,
  prepared: Prepared,
  { target, ...options }: PredictLabelsOptions,
): Promise<void> {
  const slabs = slabsOf(thread, prepared, { ...options, mirrorAxes: [] }, target);
  for await (const { zStart } of slabs) throw new Error(`a run that writes labels sent slice ${zStart}`);
}

/** Predicts one case, and passes its slabs on as they are finished. */
export async function* slabsOf(
  { worker, mailbox, executionProvider }: InferenceThread,
  prepared: Prepared,
  options: PredictOptions,
  labels: LabelTarget | null = null,
): AsyncGenerator<LogitSlab> {
  const control = new Int32Array(new SharedArrayBuffer(8));
  const stop = () => {
    Atomics.store(control, stopIndex, 1);
    post(worker, { type: "stop" });
  };
  options.signal.addEventListener("abort", stop);
  if (options.signal.aborted) stop();
  const { plan, heads, maximumBatch, stepSize, mirrorAxes } = options;
  post(worker, {
    type: "predict",
    task: {
      data: prepared.data,
      channelCount: prepared.channelCount,
      sizeZyx: prepared.sizeZyx,
      heads,
      maximumBatch,
      stepSize,
      mirrorAxes,
      labels,
      control,
      isRegionModel: options.labels.regionsClassOrder !== null,
      plan: {
        patchSize: plan.patchSize,
        averaging: plan.averaging,
        gaussianForSingleWindow: plan.gaussianForSingleWindow,
        dimensions: plan.dimensions,
        ...(plan.nvidia === undefined ? {} : { nvidia: plan.nvidia }),
        ...(plan.monai === undefined ? {} : { monai: plan.monai }),
      },
    },
  });
  let progress: ProgressTask | null = null;
  let isFinished = false;
  try {
    for (;;) {
      const message = await mailbox.next();
      if (message.type === "started") progress = options.startProgress(message.windows);
      else if (message.type === "windows") progress?.advance(message.done);
      else if (message.type === "note") options.onNote?.(message.line);
      else if (message.type === "slab") {
        const { zStart, slices, values } = message;
        yield {
          zStart,
          heads,
          values,
          sizeZyx: [slices, prepared.sizeZyx[1], prepared.sizeZyx[2]],
          kind: plan.averaging === "logits" ? "logits" : "probabilities",
        };
        Atomics.add(control, releasedIndex, 1);
        Atomics.notify(control, releasedIndex);
      } else if (message.type === "done") {
        isFinished = true;
        return;
      } else if (message.type === "failed") {
        isFinished = true;
        options.signal.throwIfAborted();
        throw runError(message, { patchSize: plan.patchSize, executionProvider });
      }
    }
  } finally {
    options.signal.removeEventListener("abort", stop);
    progress?.done();
    if (!isFinished) await drain(mailbox, stop, control);
  }
}

/** Stops the worker after the consumer has left early, because the worker must be idle before the next case. */
async function drain(mailbox: Mailbox, stop: () => void, control: Int32Array): Promise<void> {
  stop();
  Atomics.notify(control, releasedIndex);
  for (;;) {
    // If the thread has ended, nothing is left to drain, and the first failure is the one to report.
    const message = await mailbox.next().catch(() => null);
    if (message === null || message.type === "failed" || message.type === "done") return;
  }
}
