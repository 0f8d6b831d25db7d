import type { Finding } from "../../ground/finding.js";
import type { LabelComparison } from "./compare-labels.js";

/** One segmentation that a run wrote, label by label. */
export interface Segmentation {
  readonly caseName: string;
  /** The path below the output folder. */
  readonly path: string;
  readonly labels: readonly LabelComparison[];
}

export interface PhaseResult {
  readonly phase: string;
  readonly seconds: number;
  readonly peakMemoryBytes: number | null;
  readonly findings: readonly Finding[];
  readonly segmentations: readonly Segmentation[];
  /** The last lines of the log, if something failed. */
  readonly log: readonly string[];
}
