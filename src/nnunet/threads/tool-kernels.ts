import { ProcessorError } from "../../../processor/contract/errors.js";
import { type CaseResult, type EvaluateCaseTask, evaluateCase } from "../evaluation/evaluate-case.js";
import { type PlotOverlayTask, plotOverlay } from "../overlays/plot-overlay.js";
import { type MergeTask, mergeProbabilities } from "../selection/merge-probabilities.js";
import { type PostProcessFileTask, postProcessFile } from "../selection/post-process-file.js";

/** A result, or an error as plain values, because an error loses its code on the way between threads. */
export type Answer<T> =
  | { readonly result: T }
  | { readonly failure: { readonly code: string; readonly message: string } };

async function answer<T>(work: Promise<T>): Promise<Answer<T>> {
  try {
    return { result: await work };
  } catch (error) {
    if (!(error instanceof ProcessorError)) throw error;
    return { failure: { code: error.code, message: error.message } };
  }
}

/** The functions of nnU-Net's tools that run in worker threads, one case at a time. */
export const toolKernels = {
  evaluateCase: (task: EvaluateCaseTask): Promise<Answer<CaseResult>> => answer(evaluateCase(task)),
  mergeProbabilities: (task: MergeTask): Promise<Answer<void>> => answer(mergeProbabilities(task)),
  plotOverlay: (task: PlotOverlayTask): Promise<Answer<void>> => answer(plotOverlay(task)),
  postProcessFile: (task: PostProcessFileTask): Promise<Answer<void>> => answer(postProcessFile(task)),
} as const;
