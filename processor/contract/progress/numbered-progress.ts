import type { Progress } from "./progress.js";

/** Puts the number of a case before the label of its tasks: `3/40 brain_010: predicting`. */
export function numberedProgress(
  progress: Progress,
  { number, total }: { readonly number: number; readonly total: number },
): Progress {
  if (total === 1) return progress;
  return {
    start: (task) => progress.start({ ...task, label: `${number}/${total} ${task.label}` }),
    note: (line) => progress.note(line),
  };
}
