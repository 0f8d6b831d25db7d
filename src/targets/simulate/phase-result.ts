import type { Finding } from "../../findings/finding.js";
import type { Segmentation } from "./lint-output.js";

export interface PhaseResult {
  readonly phase: string;
  readonly seconds: number;
  readonly peakMemoryBytes: number | null;
  readonly findings: readonly Finding[];
  readonly segmentations: readonly Segmentation[];
  /** The end of its log, where something failed. */
  readonly log: readonly string[];
}
