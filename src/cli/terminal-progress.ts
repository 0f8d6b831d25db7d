import { amountText, createLineProgress } from "../../processor/contract/progress/line-progress.js";
import { cleanLine } from "../../processor/contract/progress/log-lines.js";
import type {
  Progress,
  ProgressTask,
  ProgressTaskOptions,
} from "../../processor/contract/progress/progress.js";
import { wrappedForTerminal } from "./findings-text.js";
import type { Terminal } from "./terminal.js";

/** Tasks that are shorter than this show nothing. */
const quietMs = 2000;
const redrawMs = 100;
/** The bar is drawn at least this often, because the remaining time changes even if nothing advances. */
const countdownMs = 1000;

/** Shows progress as a bar on a terminal and as lines in a log. Both go to stderr, because stdout is for results. */
export function terminalProgress(terminal: Terminal): Progress {
  const { err, now, columns, isInteractive } = terminal;
  if (!isInteractive) return createLineProgress({ write: (line) => err(`${cleanLine(line)}\n`), now });
  const clear = "\r\u001b[2K";
  return {
    note: (line) => err(`${clear}${wrappedForTerminal(cleanLine(line), columns)}\n`),
    start(given): ProgressTask {
      const task = { ...given, label: cleanLine(given.label) };
      const started = now();
      let [done, advanced, drawn] = [0, started, 0];
      const draw = (): void => {
        if (now() - started < quietMs) return;
        drawn = now();
        const seconds = (advanced - started) / 1000;
        const secondsSince = (drawn - advanced) / 1000;
        err(`${clear}${progressLine(task, { done, seconds, secondsSince }, columns - 1)}`);
      };
      const stopRepeating = terminal.repeat(draw, countdownMs);
      return {
        advance(units) {
          done += units;
          advanced = now();
          if (now() - drawn >= redrawMs) draw();
        },
        done() {
          stopRepeating();
          if (drawn > 0) err(clear);
        },
      };
    },
  };
}

const widestBar = 24;
const narrowestBar = 8;
const shortestLabel = 16;

/** Returns one line of at most `width` characters. If it is too long, first the bar and then the label is shortened. */
export function progressLine(
  task: ProgressTaskOptions,
  at: Parameters<typeof amountText>[1],
  width: number,
): string {
  const amount = amountText(task, at);
  const forBar = width - amount.length - 1 - task.label.length - 1;
  const barWidth = hasTotal(task) ? Math.min(widestBar, Math.max(narrowestBar, forBar)) : 0;
  const forLabel = width - amount.length - 1 - (barWidth > 0 ? barWidth + 1 : 0);
  const shown =
    forLabel >= Math.min(shortestLabel, task.label.length)
      ? `${barOf(task, at.done, barWidth)}${shortened(task.label, forLabel)}`
      : shortened(task.label, Math.max(1, width - amount.length - 1));
  return `${shown} ${amount}`.slice(0, width);
}

const hasTotal = ({ total }: ProgressTaskOptions): boolean => total !== undefined && total > 0;

function barOf({ total, before = 0 }: ProgressTaskOptions, done: number, width: number): string {
  if (width === 0) return "";
  const filled = Math.round(width * Math.min(1, (before + done) / total!));
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} `;
}

/** Leaves out the middle of a text, because its ends say most: a case's number is first, and the current work is last. */
function shortened(text: string, width: number): string {
  if (text.length <= width) return text;
  const start = Math.floor((width - 1) / 3);
  return `${text.slice(0, start)}…${text.slice(text.length - (width - 1 - start))}`;
}
