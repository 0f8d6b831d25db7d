import { createLineProgress, progressText } from "../../processor/progress/line-progress.js";
import type { Progress, ProgressTask } from "../../processor/progress/progress.js";
import type { Terminal } from "./terminal.js";

/** Shorter tasks show nothing. */
const quietMs = 2000;
const redrawMs = 100;
const barWidth = 24;

/** A bar on a terminal, plain lines in a log. Both go to stderr: stdout is for results. */
export function terminalProgress(terminal: Terminal): Progress {
  const { err, now, columns, isInteractive } = terminal;
  if (!isInteractive) return createLineProgress({ write: (line) => err(`${line}\n`), now });
  const clear = "\r\u001b[2K";
  return {
    note: (line) => err(`${clear}${line}\n`),
    start(task): ProgressTask {
      const started = now();
      let done = 0;
      let drawn = 0;
      return {
        advance(units) {
          done += units;
          if (now() - started < quietMs || now() - drawn < redrawMs) return;
          drawn = now();
          const text = progressText(task, { done, seconds: (now() - started) / 1000 });
          err(`${clear}${`${bar(task.total, done)}${text}`.slice(0, columns - 1)}`);
        },
        done() {
          if (drawn > 0) err(clear);
        },
      };
    },
  };
}

function bar(total: number | undefined, done: number): string {
  if (total === undefined || total === 0) return "";
  const filled = Math.round(barWidth * Math.min(1, done / total));
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} `;
}
