/**
 * What a run of cases reports while it works. The edge decides what a person sees: `showEvents` makes a bar or the lines
 * of a log of it.
 */
export type RunEvent = NoteEvent | CaseStartedEvent | WindowsEvent;

/** A line that matters: a warning, a result. */
export interface NoteEvent {
  readonly kind: "note";
  /** Null for what concerns the whole run. */
  readonly case: string | null;
  /** What the note is about; stays the same from version to version. */
  readonly code: NoteCode;
  readonly text: string;
}

export type NoteCode =
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

/** A case whose turn in the network has come. */
export interface CaseStartedEvent {
  readonly kind: "case-started";
  readonly case: string;
  /** Counted from 1, among the cases that are to be done. */
  readonly number: number;
  readonly total: number;
}

/** How far one network has come; the first event of a network has `done` 0. */
export interface WindowsEvent {
  readonly kind: "windows";
  readonly case: string;
  /** The configuration that runs; null when the case goes through one network only. */
  readonly stage: string | null;
  readonly done: number;
  readonly total: number;
  /** Whether the network is done with the case, or has given up. */
  readonly isLast: boolean;
}

export type EventListener = (event: RunEvent) => void;

export const ignoreEvents: EventListener = () => {};

/** A note about the whole run. */
export const runNote = (code: NoteCode, text: string): NoteEvent => ({
  kind: "note",
  case: null,
  code,
  text,
});

/** A note about one case. */
export const caseNote = (name: string, code: NoteCode, text: string): NoteEvent => ({
  kind: "note",
  case: name,
  code,
  text,
});
