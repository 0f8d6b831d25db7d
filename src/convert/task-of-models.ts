import type { TaskIdentity } from "../../processor/contract/manifest.js";
import type { ModelSet } from "../models/model-set.js";

/** Returns the name of what models segment together: their dataset's, or that of TotalSegmentator's task. */
export function taskOfModels({ members, totalsegmentator }: ModelSet): TaskIdentity {
  if (totalsegmentator === null) return members[0].model.task;
  const { run, mode } = totalsegmentator;
  return { id: null, name: `totalsegmentator_${run.task}${mode === "default" ? "" : `_${mode}`}` };
}
