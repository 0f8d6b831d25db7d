import type { Progress, ProgressTaskOptions } from "../../../processor/contract/progress/progress.js";

export interface RecordedTask extends ProgressTaskOptions {
  advanced: number;
  isDone: boolean;
}

/** Records what a person would have seen. */
export class RecordedProgress implements Progress {
  readonly notes: string[] = [];
  readonly tasks: RecordedTask[] = [];

  start(options: ProgressTaskOptions) {
    const task: RecordedTask = { ...options, advanced: 0, isDone: false };
    this.tasks.push(task);
    return {
      advance: (units: number) => {
        task.advanced += units;
      },
      done: () => {
        task.isDone = true;
      },
    };
  }

  note(line: string): void {
    this.notes.push(line);
  }
}
