import { counted } from "../../contract/counted.js";
import { sharedError } from "../../contract/shared-errors.js";
import type { CaseReport } from "../cases/case.js";
import { errorOfCode } from "../errors.js";
import type { EntryContext } from "./entry.js";
import { failureSentence } from "./failure-lines.js";
import { segmentFolder } from "./folder.js";

/** Segments the input folder, and turns what became of its cases into an exit code. */
export async function runFolder(context: EntryContext): Promise<number> {
  const reports = await segmentFolder(context);
  return exitCodeOf(reports, context);
}

function exitCodeOf(reports: readonly CaseReport[], { complain }: EntryContext): number {
  const failed = reports.filter(({ status }) => status === "failed");
  if (failed.length === 0) return 0;
  for (const { name, error } of failed) complain(`${name}: ${failureSentence(error!)}`);
  if (reports.length > 1) {
    throw sharedError(
      "SOME_CASES_FAILED",
      `${failed.length} of ${counted(reports.length, "case")} failed: ${failed.map(({ name }) => name).join(", ")}`,
    );
  }
  const { code, message } = failed[0]!.error!;
  return code === "BUG" ? 1 : errorOfCode(code, message).exitCode;
}
