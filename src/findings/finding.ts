/** One rule of a platform, and what this image makes of it. */
export interface Finding {
  /** Stays the same from version to version. */
  readonly check: string;
  readonly result: "pass" | "fail" | "warning" | "not-checked";
  /** What was found. */
  readonly reason: string;
  /** What to do; null where nothing is to be done. */
  readonly remedy: string | null;
}

export const pass = (check: string, reason: string): Finding => ({
  check,
  result: "pass",
  reason,
  remedy: null,
});

export const fail = (check: string, reason: string, remedy: string): Finding => ({
  check,
  result: "fail",
  reason,
  remedy,
});

export const warning = (check: string, reason: string, remedy: string): Finding => ({
  check,
  result: "warning",
  reason,
  remedy,
});

export const notChecked = (check: string, reason: string): Finding => ({
  check,
  result: "not-checked",
  reason,
  remedy: null,
});
