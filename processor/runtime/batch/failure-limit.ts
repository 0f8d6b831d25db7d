import { sharedError } from "../../contract/shared-errors.js";

/** The failures after which a run stops. */
export interface FailureLimit {
  /** As the user wrote it. */
  readonly text: string;
  /** Returns how many failures are allowed among a number of cases. */
  of(caseCount: number): number;
}

/**
 * Reads a limit: `5`, or `10%` of the cases.
 *
 * @throws USAGE
 */
export function failureLimit(text: string): FailureLimit {
  const [, digits, percent] = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim()) ?? [];
  const value = Number(digits);
  if (digits !== undefined && percent === "%" && value <= 100)
    return { text, of: (caseCount) => Math.floor((caseCount * value) / 100) };
  if (percent === "" && Number.isInteger(value)) return { text, of: () => value };
  throw sharedError(
    "USAGE",
    `--max-failures is a number of cases, such as 5, or a share such as 10%, not ${text}`,
  );
}
