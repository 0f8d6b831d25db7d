import type { Finding } from "../targets/finding.js";

/** Findings for people, one line each, remedies below. */
export const findingsText = (findings: readonly Finding[]): string => findings.map(line).join("");

const line = ({ check, result, reason, remedy }: Finding): string =>
  `${result.padEnd(12)} ${check.padEnd(18)} ${reason}\n${remedy === null ? "" : `${" ".repeat(32)}${remedy}\n`}`;
