/** The result of checking one rule of a platform. */
export interface Finding {
  /** Name of the rule, which is the same in all versions. */
  readonly check: string;
  readonly result: "pass" | "fail" | "warning" | "not-checked";
  /** The reason for the result. */
  readonly reason: string;
  /** What the user can do; null if no action is needed. */
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
