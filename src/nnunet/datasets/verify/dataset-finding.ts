/** The step of nnU-Net's own check (`verify_dataset_integrity`) that looks at something; it stops at its first failure. */
export const steps = {
  datasetJson: 1,
  folders: 2,
  keys: 3,
  caseCount: 4,
  files: 5,
  labelRules: 6,
  consecutive: 7,
  reader: 8,
  labelValues: 9,
  cases: 10,
} as const;

/** What nnU-Net's own check does about a fault. */
export type NnunetEffect =
  /** It stops at once with a Python exception. */
  | { readonly kind: "stops"; readonly exception: string; readonly text: string }
  /** It prints a line, and fails at the end of the step. */
  | { readonly kind: "fails-later"; readonly exception: string; readonly line: string }
  /** It prints a line and goes on. */
  | { readonly kind: "warns"; readonly line: string }
  /** It does not notice. */
  | { readonly kind: "silent" };

/** One fault of a data set, or something worth knowing about it. */
export interface DatasetFinding {
  readonly severity: "error" | "warning" | "note";
  /** A short name that stays the same from version to version, such as `label-shape`. */
  readonly check: string;
  /** The case; null for the whole data set. */
  readonly case: string | null;
  /** What is wrong, where, and what was found. */
  readonly text: string;
  readonly remedy: string;
  readonly step: number;
  readonly nnunet: NnunetEffect;
}

/** Returns an error of the whole data set at which nnU-Net stops at once. */
export const stops = (
  step: number,
  check: string,
  {
    text,
    remedy,
    exception = "AssertionError",
  }: { readonly text: string; readonly remedy: string; readonly exception?: string },
): DatasetFinding => ({
  severity: "error",
  check,
  case: null,
  text,
  remedy,
  step,
  nnunet: { kind: "stops", exception, text },
});
