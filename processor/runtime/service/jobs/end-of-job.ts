import { createHash } from "node:crypto";
import type { StoredJob } from "./stored-job.js";

const madeHere = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Returns what the log says about the end of a job. An id that a client chose may name a patient, so it is only a digest. */
export function endOfJob({ id, state, models, started, ended, error }: StoredJob): object {
  const ms = started === null || ended === null ? null : Date.parse(ended) - Date.parse(started);
  const job = madeHere.test(id) ? id : `sha256:${createHash("sha256").update(id).digest("hex").slice(0, 16)}`;
  return { job, state, models, ms, code: error?.code ?? null };
}
