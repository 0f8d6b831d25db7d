import type { LabelMap } from "../../imaging/volume/label-map.js";
import type { CaseRequest } from "../cases/case.js";
import { readCase } from "./read-case.js";
import type { RefinedAnswer } from "./refine-answer.js";
import {
  type PreparedCase,
  postprocessCase,
  predictCase,
  preprocessCase,
  type Segmented,
  writeCase,
} from "./segment-case.js";
import type { SegmentContext } from "./segment-context.js";

/** A case that waits for the networks. */
export interface PreparedWork {
  /** Warnings until now. */
  readonly warnings: readonly string[];
  predict(): Promise<PredictedWork>;
}

/** A case whose result waits to be written. */
export interface PredictedWork extends Pick<RefinedAnswer, "candidates">, Pick<Segmented, "removed"> {
  /** @returns the label map as written */
  write(): Promise<LabelMap>;
}

/** Reads and prepares a case for models whose answers are averaged. */
export async function prepareCase(request: CaseRequest, context: SegmentContext): Promise<PreparedWork> {
  const prepared = await preprocessCase(await readCase(request, context), context);
  return { warnings: prepared.read.warnings, predict: () => predict(prepared, context) };
}

async function predict(prepared: PreparedCase, context: SegmentContext): Promise<PredictedWork> {
  const segmented = await postprocessCase(await predictCase(prepared, context), prepared, context);
  const { candidates, removed } = segmented;
  return { candidates, removed, write: () => writeCase(segmented, prepared, context) };
}
