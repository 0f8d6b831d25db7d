import {
  anything,
  type Checked,
  count,
  listOf,
  oneOf,
  orNull,
  orOlder,
  record,
  text,
  version,
} from "../../../contract/json-check.js";
import type { JobWork } from "../engine/job-work.js";
import { type Job, jobError, jobResult, jobStates } from "./job.js";
import type { NewJob } from "./new-job.js";

/** The kinds of work after the end of a job. */
const dutyKinds = ["operators-webhook", "clients-webhook", "dicom-results"] as const;

export type DutyKind = (typeof dutyKinds)[number];

/** Something that must be done after the end of a job, by this server or the next one in its folder. */
const duty = record({
  /** The same each time that it is tried. */
  id: text,
  kind: oneOf(dutyKinds),
});

export type Duty = Checked<typeof duty>;

/** A job as its file holds it. */
const storedJob = record({
  version: version(1),
  id: text,
  state: oneOf(jobStates),
  models: listOf(text),
  /** The name of the token that sent it. */
  client: text,
  created: text,
  started: orNull(text),
  ended: orNull(text),
  request: anything,
  result: orNull(jobResult),
  error: orNull(jobError),
  /** How often it was started. */
  attempts: count,
  idempotency: orNull(record({ key: text, digest: text })),
  /** Empty until the job has ended. */
  duties: orOlder(listOf(duty), []),
  /** What an engine runs: a JobWork, which this program wrote itself. */
  work: anything,
});

export { storedJob as storedJobCheck };

export interface StoredJob extends Omit<Checked<typeof storedJob>, "work"> {
  readonly work: JobWork;
}

/** Returns what clients see of a job. */
export function shownJob(
  { id, state, models, created, started, ended, request, result, error }: StoredJob,
  now: Pick<Job, "position" | "starts_in_s" | "progress">,
): Job {
  return { id, state, ...now, models, created, started, ended, request, result, error };
}

/** Returns a job that has just been sent. */
export const newStoredJob = (
  { id, models, client, request, work, idempotency }: NewJob,
  now: Date,
): StoredJob => ({
  version: 1,
  id,
  state: "waiting",
  models,
  client,
  request,
  work,
  idempotency,
  created: now.toISOString(),
  started: null,
  ended: null,
  result: null,
  error: null,
  duties: [],
  attempts: 0,
});
