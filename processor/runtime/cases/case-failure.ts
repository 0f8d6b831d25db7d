import { errorOfCode } from "../errors.js";
import type { CaseReport } from "./case.js";

/** Returns the error that a case's report describes. The message of a bug is its stack, with the place in the program. */
export function caseFailure({ code, message }: NonNullable<CaseReport["error"]>): Error {
  if (code !== "BUG") return errorOfCode(code, message);
  return Object.assign(new Error(message.split("\n")[0]), { stack: message });
}
