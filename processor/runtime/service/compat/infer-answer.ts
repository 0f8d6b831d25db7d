import { join } from "node:path";
import { ProcessorError } from "../../../contract/errors.js";
import {
  about,
  anything,
  count,
  either,
  flag,
  listOf,
  number,
  oneOf,
  orAbsent,
  orNull,
  record,
  text,
} from "../../../contract/json-check.js";
import { errorOfCode, isRuntimeErrorCode } from "../../errors.js";
import { serviceError } from "../errors.js";
import type { JobError } from "../jobs/job.js";
import type { StoredJob } from "../jobs/stored-job.js";
import type { ServedModel } from "../models/served-model.js";

/** The key of nnunet_serve for each kind of result. */
const keys: Readonly<Record<string, string>> = {
  "label-map": "nifti_prediction",
  "candidate-map": "nifti_proba",
  "input-volume": "nifti_inputs",
  "dicom-segmentation": "dicom_segmentation",
  "rt-structure-set": "dicom_struct",
  "dicom-candidates": "dicom_fractional_segmentation",
};

const paths = orAbsent(listOf(text));

/** nnunet_serve's answer for a job that is done. */
export const inferAnswerCheck = record({
  time_elapsed: number,
  gpu: about("The index of the CUDA device; null on a CPU.", orNull(count)),
  nnunet_path: either(text, listOf(text)),
  metadata: anything,
  request: anything,
  status: oneOf(["done"]),
  error: orNull(text),
  is_empty: about("For each stage, true if no voxel was segmented.", listOf(flag)),
  nifti_prediction: paths,
  nifti_proba: paths,
  nifti_inputs: paths,
  dicom_segmentation: paths,
  dicom_struct: paths,
  dicom_fractional_segmentation: paths,
  job_id: orAbsent(text),
  orthanc_upload: orAbsent(record({ uploaded_instance_count: count, responses: listOf(anything) })),
});

/** How the files of an answer are named: by their paths, or as in the archive of a job. */
export type FileNames = "absolute" | "in-archive";

/**
 * Returns nnunet_serve's answer for a job that is done.
 *
 * @throws the job's error
 */
export function inferAnswer(
  job: StoredJob,
  { models, names }: { readonly models: readonly ServedModel[]; readonly names: FileNames },
): Readonly<Record<string, unknown>> {
  const { result, error, state, work, request } = job;
  if (result === null) throw errorOfJob(error, state);
  const files: Record<string, string[]> = {};
  for (const { kind, name } of result.files) {
    const key = keys[kind];
    if (key === undefined) continue;
    files[key] ??= [];
    files[key].push(names === "absolute" ? join(work.outputDir, name) : name);
  }
  const oneOrList = <T>(values: readonly T[]): T | readonly T[] =>
    values.length === 1 ? values[0]! : values;
  const ofStages = work.stages.map(({ modelId }) => models.find(({ id }) => id === modelId) ?? null);
  return {
    time_elapsed: result.time_elapsed,
    gpu: result.gpu,
    nnunet_path: oneOrList(work.stages.map(({ modelDir }) => modelDir)),
    metadata: oneOrList(ofStages.map((model) => model?.metadata ?? null)),
    request,
    status: "done",
    error: null,
    is_empty: result.stages.map(({ is_empty: isEmpty }) => isEmpty),
    ...files,
  };
}

/** Makes the error of a job again, which has its own HTTP status. */
function errorOfJob(error: JobError | null, state: string): Error {
  if (error === null) return serviceError("CANCELED", `the job is ${state}`);
  const { code, message } = error;
  if (isRuntimeErrorCode(code)) return errorOfCode(code, message);
  const entry = Object.hasOwn(serviceError.entries, code)
    ? serviceError.entries[code as keyof typeof serviceError.entries]
    : null;
  return entry === null
    ? Object.assign(new Error(message.split("\n")[0]), { stack: message })
    : new ProcessorError(code, entry, message);
}
