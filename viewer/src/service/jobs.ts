import type { ServiceClient } from "./http.js";
import type { Job, Model } from "./types.js";

/** What the user can choose for a job. */
export interface JobOptions {
  readonly writesStructures: boolean;
  /** True to predict once, instead of also for mirrored images. */
  readonly isFast: boolean;
}

export interface JobRequest extends JobOptions {
  readonly model: string;
  /** One for each channel of the model. */
  readonly uploads: readonly string[];
  readonly isDicom: boolean;
  /** The folder of each channel in the unpacked uploads; null if their names say which channel they are. */
  readonly series: readonly string[] | null;
  /** The same for each try to create this job, so that a lost answer does not create two. */
  readonly key: string;
}

/** Creates a job. The image comes back as NIfTI with the result, because the viewer shows it under the label map. */
export function createJob(client: ServiceClient, request: JobRequest): Promise<Job> {
  const body = {
    model: request.model,
    uploads: request.uploads,
    is_dicom: request.isDicom,
    save_nifti_inputs: true,
    ...(request.series === null ? {} : { series_folders: request.series }),
    ...(request.isFast ? { tta: false } : {}),
    ...(request.writesStructures ? { save_rt_struct_output: true } : {}),
  };
  return client.postJson<Job>("v1/jobs", body, { "idempotency-key": request.key });
}

export const cancelJob = (client: ServiceClient, id: string): Promise<Response> =>
  client.send(`v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE" });

export async function listModels(client: ServiceClient): Promise<readonly Model[]> {
  const { models } = await client.json<{ readonly models: readonly Model[] }>("v1/models");
  return models;
}

/** Returns a random key. `crypto.randomUUID` exists only on pages with TLS. */
export const randomKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
