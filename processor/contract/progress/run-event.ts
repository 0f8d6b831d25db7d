/**
 * An event that a run of cases reports while it works. The outermost layer decides what a person sees: `showEvents`
 * turns events into a progress bar or log lines.
 */
export type RunEvent = NoteEvent | CaseStartedEvent | WindowsEvent;

/** A line that matters, such as a warning or a result. */
export interface NoteEvent {
  readonly kind: "note";
  /** The name of the case; null if the note is about the whole run. */
  readonly case: string | null;
  /** The subject of the note, which stays the same from version to version. */
  readonly code: NoteCode;
  readonly text: string;
}

export type NoteCode =
  | "dicom-metadata"
  | "left-out"
  | "numbered-cases"
  | "case-count"
  | "service"
  | "model-file-missing"
  | "device"
  | "image"
  | "inference"
  | "post-processing"
  | "case-done"
  | "case-failed";

/** The event that a case starts to go through the network. */
export interface CaseStartedEvent {
  readonly kind: "case-started";
  readonly case: string;
  /** The number of the case, counted from 1 among the cases to segment. */
  readonly number: number;
  readonly total: number;
}

/** The progress of one network. The first event of a network has `done` 0. */
export interface WindowsEvent {
  readonly kind: "windows";
  readonly case: string;
  /** The configuration that runs; null if the case goes through only one network. */
  readonly stage: string | null;
  readonly done: number;
  readonly total: number;
  /** True if the network has finished the case, or has failed. */
  readonly isLast: boolean;
}

export type EventListener = (event: RunEvent) => void;

export const ignoreEvents: EventListener = () => {};

/** Makes a note about the whole run. */
export const runNote = (code: NoteCode, text: string): NoteEvent => ({
  kind: "note",
  case: null,
  code,
  text,
});

/** Makes a note about one case. */
export const caseNote = (name: string, code: NoteCode, text: string): NoteEvent => ({
  kind: "note",
  case: name,
  code,
  text,
});
