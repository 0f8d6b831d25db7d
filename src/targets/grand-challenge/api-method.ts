import { foreignLabels } from "../../../processor/contract/labels.js";
import { type Finding, fail, pass } from "../../ground/finding.js";
import { shortText } from "../../ground/untrusted/short-text.js";

export function checkApiMethod(label: unknown): Finding {
  if (label === undefined) return pass("api-method", "no label: one process for each case (exec)");
  return label === "exec" || label === "invoke"
    ? pass("api-method", label)
    : fail(
        "api-method",
        `the label is "${shortText(label)}"`,
        `Set ${foreignLabels.apiMethod} to exec or invoke.`,
      );
}
