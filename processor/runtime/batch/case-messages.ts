import type { RunEvent } from "../../contract/progress/run-event.js";
import type { RunSettings } from "../../contract/run-settings.js";
import type { CaseReport, CaseRequest } from "../cases/case.js";
import type { Existing } from "../outputs/check-outputs.js";

/** The model that a case process loads once. */
export interface ModelOrder {
  readonly modelDir: string;
  /** Null for all folds. */
  readonly folds: readonly string[] | null;
  readonly appliesPostProcessing: boolean;
  readonly settings: RunSettings;
  /** A bundled module with the user's hooks; null for none. */
  readonly hookModule: string | null;
}

export type ToCaseProcess =
  | { readonly type: "open"; readonly order: ModelOrder }
  | { readonly type: "segment"; readonly request: CaseRequest; readonly existing: Existing }
  /** Stops the case before its next window. */
  | { readonly type: "stop" };

export type FromCaseProcess =
  | { readonly type: "opened"; readonly device: string; readonly inferenceEngine: string }
  | { readonly type: "event"; readonly event: RunEvent }
  | { readonly type: "done"; readonly report: CaseReport }
  /** The case was stopped. */
  | { readonly type: "stopped" }
  /** The model could not be opened, or there is a bug. */
  | {
      readonly type: "failed";
      /** Null for a bug. */
      readonly code: string | null;
      readonly message: string;
    };
