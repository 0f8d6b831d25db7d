import { drawCase } from "../datasets/draw-case.js";
import { evaluateCase } from "../evaluation/evaluate-case.js";
import { plotOverlay } from "../overlays/plot-overlay.js";
import { mergeProbabilities } from "../selection/merge-probabilities.js";
import { postProcessFile } from "../selection/post-process-file.js";
import { mergeSoftmax } from "../selection/v1/merge-softmax.js";
import { answering } from "./answers.js";

/** The functions of nnU-Net's tools that run in worker threads, one case at a time. */
export const toolKernels = {
  drawCase: answering(drawCase),
  evaluateCase: answering(evaluateCase),
  mergeProbabilities: answering(mergeProbabilities),
  mergeSoftmax: answering(mergeSoftmax),
  plotOverlay: answering(plotOverlay),
  postProcessFile: answering(postProcessFile),
} as const;
