import type { Progress, ProgressTask } from "./progress.js";
import type { CaseStartedEvent, EventListener, NoteEvent, WindowsEvent } from "./run-event.js";

/** Shows a run's events as a person sees them: `3/40 brain_010: predicting`, and each note as a line. */
export function showEvents(progress: Progress): EventListener {
  let started: CaseStartedEvent | null = null;
  let task: ProgressTask | null = null;
  let done = 0;
  const show = (event: WindowsEvent): void => {
    if (event.done === 0 && !event.isLast) {
      done = 0;
      task = progress.start({ label: labelOf(event, started), total: event.total, unit: "windows" });
    }
    if (event.done > done) task?.advance(event.done - done);
    done = event.done;
    if (!event.isLast) return;
    task?.done();
    task = null;
  };
  return (event) => {
    if (event.kind === "note") progress.note(noteLine(event));
    else if (event.kind === "case-started") started = event;
    else show(event);
  };
}

const noteLine = ({ case: name, text }: NoteEvent): string => (name === null ? text : `${name}: ${text}`);

function labelOf({ case: name, stage }: WindowsEvent, started: CaseStartedEvent | null): string {
  const label = `${name}: predicting${stage === null ? "" : ` ${stage}`}`;
  return started === null || started.total === 1 ? label : `${started.number}/${started.total} ${label}`;
}
