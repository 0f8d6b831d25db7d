import {
  about,
  anything,
  type Checked,
  count,
  flag,
  listOf,
  number,
  oneOf,
  orAbsent,
  orNull,
  record,
  recordOf,
  text,
} from "../../../contract/json-check.js";

/** Every state of a job. The last four are final. */
export const jobStates = [
  "waiting",
  "waiting_for_device",
  "running",
  "canceling",
  "done",
  "failed",
  "canceled",
  "interrupted",
] as const;

export type JobState = (typeof jobStates)[number];

const finalStates: ReadonlySet<JobState> = new Set(["done", "failed", "canceled", "interrupted"]);

export const isFinal = (state: JobState): boolean => finalStates.has(state);

export const jobProgress = record({
  stage: about("The model that runs, and the network of it if it has several.", text),
  done: about("Windows of the network that are finished.", count),
  total: count,
  fraction: about("From 0 to 1, over all models of the job.", number),
  eta_s: about("Seconds that are left; null if unknown.", orNull(number)),
});

export type JobProgress = Checked<typeof jobProgress>;

export const jobFile = record({
  name: about("Below the job's folder, with slashes.", text),
  kind: text,
  stage: about("The place of its model in the request, from 0.", count),
  bytes: count,
});

export type JobFile = Checked<typeof jobFile>;

const labelResult = record({
  label: count,
  name: text,
  voxels: count,
  millilitres: orAbsent(number),
  squareMillimetres: orAbsent(number),
});

const stageResult = record({
  model: text,
  is_empty: about("True if no voxel was segmented.", flag),
  labels: listOf(labelResult),
  warnings: listOf(text),
  seconds: recordOf(number),
  execution_provider: text,
});

export type StageResult = Checked<typeof stageResult>;

export const jobResult = record({
  time_elapsed: about("Seconds from the start of the job to its end.", number),
  gpu: about("The index of the CUDA device; null on a CPU.", orNull(count)),
  stages: listOf(stageResult),
  files: listOf(jobFile),
});

export type JobResult = Checked<typeof jobResult>;

export const jobError = record({
  code: about("One of docs/reference/errors.md, or BUG.", text),
  message: text,
  help: text,
});

export type JobError = Checked<typeof jobError>;

/** A job as the service shows it. */
export const job = record({
  id: text,
  state: oneOf(jobStates),
  position: about("Jobs that run before this one; null unless it waits.", orNull(count)),
  starts_in_s: about(
    "Seconds until it starts, by the times of the last 20 jobs of each model; null if unknown, or if it does not wait.",
    orNull(number),
  ),
  progress: orNull(jobProgress),
  models: about("The ids of its models, in running order.", listOf(text)),
  created: about("ISO 8601.", text),
  started: orNull(text),
  ended: orNull(text),
  request: about("The request as it was sent.", anything),
  result: orNull(jobResult),
  error: orNull(jobError),
});

export type Job = Checked<typeof job>;
