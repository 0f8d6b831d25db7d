import type { Progress, ProgressTask, ProgressTaskOptions } from "./progress.js";

export interface LineProgressOptions {
  /** Writes one line, without its end. */
  readonly write: (line: string) => void;
  /** Returns the milliseconds of a monotonic clock. */
  readonly now: () => number;
}

/** Tasks shorter than this write no line. */
const quietMs = 2000;
/** The least time between two lines of a task, so that progress does not fill the log. */
const betweenLinesMs = 5000;

/**
 * Creates progress for logs and CI: whole lines, at most one every five seconds for each task, and none for short
 * tasks.
 */
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

/** The progress of a task. */
export interface ProgressPoint {
  /** Units since the start of the task. */
  readonly done: number;
  /** The seconds from the start of the task to the moment when `done` was reached. */
  readonly seconds: number;
  /** The seconds since that moment; 0 by default. */
  readonly secondsSince?: number;
}

/** Returns a line such as `brain_010: predicting 12 of 48 windows (25 %), 6 s left`. */
export const progressText = (task: ProgressTaskOptions, at: ProgressPoint): string =>
  `${task.label} ${amountText(task, at)}`;

/**
 * The share of a task before which no time is estimated. The first units include one-time work, such as connecting or
 * planning convolutions, and are not typical of the rest.
 */
const smallestShare = 0.05;

/** Returns a text such as `12 of 48 windows (25 %), 6 s left`, without a time until enough is done to estimate it. */
export function amountText({ total, before = 0, unit }: ProgressTaskOptions, at: ProgressPoint): string {
  if (unit === "seconds") return duration(at.seconds + (at.secondsSince ?? 0));
  const amount = (value: number): string =>
    unit === "bytes" ? `${(value / 1e6).toFixed(1)} MB` : `${value}`;
  const unitName = unit === "bytes" ? "" : ` ${unit}`;
  const done = before + at.done;
  if (total === undefined || total === 0) return `${amount(done)}${unitName}`;
  const share = Math.min(1, done / total);
  const ownShare = total > before ? Math.min(1, at.done / (total - before)) : 1;
  const left = ownShare < smallestShare ? "" : `, ${duration(secondsLeft(ownShare, at))} left`;
  return `${amount(done)} of ${amount(total)}${unitName} (${Math.floor(share * 100)} %)${left}`;
}

/**
 * Returns the seconds left, which decrease between two units. If the next unit takes longer than expected, the estimate
 * grows again.
 */
function secondsLeft(share: number, { seconds, secondsSince = 0 }: ProgressPoint): number {
  const restOf = (spent: number): number => (spent * (1 - share)) / share;
  const left = restOf(seconds) - secondsSince;
  return left >= 0 ? left : restOf(seconds + secondsSince);
}

/** Formats a duration: `62 s`, `12 min`, `1.9 h`. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
