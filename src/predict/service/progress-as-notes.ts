import type { Progress } from "../../../processor/contract/progress/progress.js";

/** The parts of a download after each of which there is a line. */
const lines = 10;

/** Turns progress into lines for somebody who cannot see a bar: the start of each task, and the parts of a download. */
export const progressAsNotes = (onNote: (line: string) => void): Progress => ({
  start({ label, total, unit }) {
    onNote(label);
    let units = 0;
    let noted = 0;
    return {
      advance(more) {
        units += more;
        if (unit !== "bytes" || total === undefined || total === 0) return;
        const part = Math.floor((units / total) * lines);
        if (part === noted || part >= lines) return;
        noted = part;
        onNote(`${label}: ${part * (100 / lines)} % of ${Math.ceil(total / 1e6)} MB`);
      },
      done: () => {},
    };
  },
  note: onNote,
});
