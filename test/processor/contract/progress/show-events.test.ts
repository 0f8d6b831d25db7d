import { expect, test } from "vitest";
import { caseNote, runNote } from "../../../../processor/contract/progress/run-event.js";
import { showEvents } from "../../../../processor/contract/progress/show-events.js";
import { RecordedProgress } from "../../../support/programs/recorded-progress.js";

test("a run's events become one task for each network and a line for each note", () => {
  const shown = new RecordedProgress();
  const onEvent = showEvents(shown);
  const windows = { kind: "windows", case: "brain_010", total: 4 } as const;
  onEvent(runNote("device", "the network runs on CPU"));
  onEvent({ kind: "case-started", case: "brain_010", number: 3, total: 40 });
  for (const stage of ["3d_lowres", "3d_cascade_fullres"]) {
    onEvent({ ...windows, stage, done: 0, isLast: false });
    onEvent({ ...windows, stage, done: 1, isLast: false });
    onEvent({ ...windows, stage, done: 4, isLast: false });
    onEvent({ ...windows, stage, done: 4, isLast: true });
  }
  onEvent(caseNote("brain_010", "case-done", "done in 2.0 s"));
  const task = { unit: "windows", total: 4, advanced: 4, isDone: true } as const;
  expect(shown.tasks).toEqual([
    { ...task, label: "3/40 brain_010: predicting 3d_lowres" },
    { ...task, label: "3/40 brain_010: predicting 3d_cascade_fullres" },
  ]);
  expect(shown.notes).toEqual(["the network runs on CPU", "brain_010: done in 2.0 s"]);
});

test("a run of one case has no numbers, and a network that gives up ends its task", () => {
  const shown = new RecordedProgress();
  const onEvent = showEvents(shown);
  const windows = { kind: "windows", case: "scan", stage: null, total: 9 } as const;
  onEvent({ kind: "case-started", case: "scan", number: 1, total: 1 });
  onEvent({ ...windows, done: 0, isLast: false });
  onEvent({ ...windows, done: 0, isLast: true });
  expect(shown.tasks).toEqual([
    { label: "scan: predicting", unit: "windows", total: 9, advanced: 0, isDone: true },
  ]);
});
