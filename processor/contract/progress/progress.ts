/** How the stages tell what they are at. The edge decides what a person sees; nothing else prints. */
export interface Progress {
  /** Begins a task of `total` units; its bar or its lines appear only if it takes longer than two seconds. */
  start(task: ProgressTaskOptions): ProgressTask;
  /** A line that matters: a warning, a result. */
  note(line: string): void;
}

export interface ProgressTaskOptions {
  /** What is done, in the present: `brain_010: predicting`. */
  readonly label: string;
  /** Absent if unknown. */
  readonly total?: number;
  /** `seconds` is for work that cannot be counted; the time since its start is shown. */
  readonly unit: "windows" | "bytes" | "cases" | "steps" | "tensors" | "seconds";
}

export interface ProgressTask {
  advance(units: number): void;
  done(): void;
}

export const silentProgress: Progress = {
  start: () => ({ advance: () => {}, done: () => {} }),
  note: () => {},
};
