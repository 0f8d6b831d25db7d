import type { Finding } from "../../findings/finding.js";
import type { LabelComparison } from "./compare-labels.js";

/** One image that was written, label by label. */
export interface Segmentation {
  readonly caseName: string;
  /** Below the output folder. */
  readonly path: string;
  readonly labels: readonly LabelComparison[];
}

export interface PhaseResult {
  readonly phase: string;
  readonly seconds: number;
  readonly peakMemoryBytes: number | null;
  readonly findings: readonly Finding[];
  readonly segmentations: readonly Segmentation[];
  /** The end of its log, where something failed. */
  readonly log: readonly string[];
}
