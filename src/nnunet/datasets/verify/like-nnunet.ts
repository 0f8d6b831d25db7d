import type { DatasetFinding } from "./dataset-finding.js";
import type { VerifyReport } from "./verify-dataset.js";

/** What `nnUNetv2_plan_and_preprocess --verify_dataset_integrity` would say about a data set. */
export interface NnunetVerdict {
  readonly isFine: boolean;
  /** The Python exception with which it would end; null if it would not. */
  readonly exception: { readonly type: string; readonly text: string } | null;
  /** The lines that it would print, without their line breaks. */
  readonly lines: readonly string[];
}

/** Follows nnU-Net's own check: it goes step by step, and stops at the first step with a failure. */
export function likeNnunet({ findings }: Pick<VerifyReport, "findings">): NnunetVerdict {
  const lines: string[] = [];
  for (const [i, { nnunet, step }] of findings.entries()) {
    const later = failureOfEarlierSteps(findings.slice(0, i), step);
    if (later !== null) return { isFine: false, exception: later, lines };
    if (nnunet.kind === "stops")
      return { isFine: false, exception: { type: nnunet.exception, text: nnunet.text }, lines };
    if (nnunet.kind === "warns" || nnunet.kind === "fails-later") lines.push(nnunet.line);
  }
  const last = failureOfEarlierSteps(findings, Number.POSITIVE_INFINITY);
  return { isFine: last === null, exception: last, lines };
}

/** Returns the exception of a step that has printed failures, once a later step begins. */
function failureOfEarlierSteps(
  findings: readonly DatasetFinding[],
  step: number,
): NnunetVerdict["exception"] {
  for (const finding of findings) {
    if (finding.step >= step || finding.nnunet.kind !== "fails-later") continue;
    const [type = "", ...text] = finding.nnunet.exception.split(": ");
    return { type, text: text.join(": ") };
  }
  return null;
}
