/** What the service sends, as docs/reference and /openapi.json describe it. */

export type JobState =
  | "waiting"
  | "waiting_for_device"
  | "running"
  | "canceling"
  | "done"
  | "failed"
  | "canceled"
  | "interrupted";

export interface JobProgress {
  readonly stage: string;
  readonly done: number;
  readonly total: number;
  /** From 0 to 1. */
  readonly fraction: number;
  readonly eta_s: number | null;
}

export interface JobFile {
  readonly name: string;
  readonly kind: string;
  readonly stage: number;
  readonly bytes: number;
}

export interface StageResult {
  readonly model: string;
  readonly is_empty: boolean;
  readonly labels: readonly { readonly label: number; readonly name: string }[];
  readonly warnings: readonly string[];
}

export interface Job {
  readonly id: string;
  readonly state: JobState;
  readonly position: number | null;
  readonly starts_in_s: number | null;
  readonly progress: JobProgress | null;
  readonly models: readonly string[];
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
  readonly request: unknown;
  readonly result: {
    readonly time_elapsed: number;
    readonly stages: readonly StageResult[];
    readonly files: readonly JobFile[];
  } | null;
  readonly error: { readonly code: string; readonly message: string; readonly help: string } | null;
}

export interface Model {
  readonly id: string;
  readonly name: string;
  readonly channels: readonly string[];
  /** A label has one number; a region of several labels has a list, and is not in label maps. */
  readonly labels: readonly { readonly name: string; readonly value: unknown }[];
  readonly ready: boolean;
  readonly state: "ready" | "loading" | "missing" | "failed";
  /** Why the model cannot be used. */
  readonly error: string | null;
  readonly license: string | null;
}

const ended: ReadonlySet<JobState> = new Set(["done", "failed", "canceled", "interrupted"]);

export const hasEnded = (state: JobState): boolean => ended.has(state);
