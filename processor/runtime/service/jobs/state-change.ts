import type { EngineEvent } from "../engine/job-engine.js";
import type { JobState } from "./job.js";
import type { StoredJob } from "./stored-job.js";

/** What changes of a job. */
export type StateChange = Partial<StoredJob> & { readonly state: JobState };

/** Returns what an engine's event changes of a job; null if it changes nothing. */
export function changeBy(
  event: Exclude<EngineEvent, { kind: "progress" | "log" }>,
  { state, attempts }: StoredJob,
  now: Date,
): StateChange | null {
  switch (event.kind) {
    case "waiting_for_device":
      return state === "waiting" ? { state: "waiting_for_device" } : null;
    case "started":
      if (state === "canceling") return null;
      return { state: "running", started: now.toISOString(), attempts: attempts + 1 };
    case "done":
      return { state: "done", result: event.result };
    case "failed":
      return { state: "failed", error: event.error };
    case "canceled":
      return { state: "canceled" };
    case "interrupted":
      return { state: "interrupted", error: event.error };
  }
}
