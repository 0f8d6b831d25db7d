/**
 * The interface through which the steps of a program report their progress. The outermost layer decides what a person
 * sees; nothing else prints.
 */
export interface Progress {
  /** Begins a task of `total` units; its bar or its lines appear only if it takes longer than two seconds. */
  start(task: ProgressTaskOptions): ProgressTask;
  /** Reports a line that matters, such as a warning or a result. */
  note(line: string): void;
}

export interface ProgressTaskOptions {
  /** The current action, in the present tense: `brain_010: predicting`. */
  readonly label: string;
  /** Absent if unknown. */
  readonly total?: number;
  /** Units that were done before this start, and say nothing about its speed; 0 if absent. */
  readonly before?: number;
  /** `seconds` is for work that cannot be counted; the time since its start is shown. */
  readonly unit: "windows" | "bytes" | "cases" | "steps" | "epochs" | "tensors" | "seconds";
}

export interface ProgressTask {
  advance(units: number): void;
  done(): void;
}

export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, done: () => {} }),
  note: () => {},
};
