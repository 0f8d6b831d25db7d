import type { Progress, ProgressTask, ProgressTaskOptions } from "./progress.js";

export interface LineProgressOptions {
  /** Writes one line, without its end. */
  readonly write: (line: string) => void;
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number;
}

/** Shorter tasks say nothing. */
const quietMs = 2000;
/** A log should not drown in progress. */
const betweenLinesMs = 5000;

/** Progress for logs and CI: whole lines, at most one every five seconds for each task, none for short tasks. */
export function createLineProgress({ write, now }: LineProgressOptions): Progress {
  return {
    note: write,
    start(task): ProgressTask {
      const started = now();
      let done = 0;
      let lastLine = started + quietMs - betweenLinesMs;
      return {
        advance(units) {
          done += units;
          if (now() - lastLine < betweenLinesMs) return;
          lastLine = now();
          write(progressText(task, { done, seconds: (now() - started) / 1000 }));
        },
        done() {},
      };
    },
  };
}

/** `brain_010: predicting 12 of 48 windows (25 %), 6 s left`. */
export function progressText(
  task: ProgressTaskOptions,
  at: { readonly done: number; readonly seconds: number },
): string {
  const { label, total, unit } = task;
  const amount = (value: number): string =>
    unit === "bytes" ? `${(value / 1e6).toFixed(1)} MB` : `${value}`;
  const unitName = unit === "bytes" ? "" : ` ${unit}`;
  if (total === undefined || total === 0) return `${label} ${amount(at.done)}${unitName}`;
  const share = Math.min(1, at.done / total);
  const left = share > 0 ? duration((at.seconds * (1 - share)) / share) : "?";
  return `${label} ${amount(at.done)} of ${amount(total)}${unitName} (${Math.floor(share * 100)} %), ${left} left`;
}

function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
