import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder } from "../../../files/make-folder.js";
import type { Client } from "../access/tokens.js";
import { serviceError } from "../errors.js";
import type { Job } from "../jobs/job.js";
import type { IdempotencyKey } from "../jobs/new-job.js";
import { type JobRequest, jobRequest } from "../schemas/inference-request.js";
import { requireFit } from "../schemas/validator.js";
import type { ServiceContext } from "../service-context.js";
import type { ReceivedForm } from "../uploads/receive-form.js";
import { requireAllowedWebhook } from "../webhooks/webhook-rules.js";
import { archiveEnding } from "./archive-size.js";
import { completeRequest } from "./complete-request.js";
import { planWork } from "./plan-work.js";
import { filesOfWork, requireSize } from "./scan-size.js";

export interface WantedJob {
  readonly id: string;
  readonly received: ReceivedForm;
  readonly client: Client;
  readonly idempotency: IdempotencyKey | null;
}

const schema = jobRequest.schema(new Map());

/**
 * Checks a request of `/v1/jobs` as a whole and then starts its job. Nothing is written before.
 *
 * @throws what `completeRequest`, `planWork` and `Jobs.submit` throw
 */
export async function requestJob(
  { id, received, client, idempotency }: WantedJob,
  context: ServiceContext,
): Promise<{ readonly job: Job; readonly isNew: boolean }> {
  const { jobs } = context;
  try {
    requireFit(schema, received.request, "request");
    const request = received.request as JobRequest;
    const same = jobs.findSame({ id, client: client.name, request, idempotency });
    if (same !== null) return { job: same, isNew: false };
    jobs.requireRoom(client.name);
    const { update_url: updateUrl = null } = request;
    if (updateUrl !== null) requireAllowedWebhook(updateUrl, context.webhooks);
    const complete = completeRequest(request.model, { is_dicom: true, ...request }, context.models);
    const { prepare, ...source } = await sourceOf(request, { id, received, client }, context);
    const { maxVoxels } = context.limits;
    if (received.folder !== null)
      await requireSize(
        received.files.map((name) => ({ name, path: join(received.folder!, name) })),
        maxVoxels,
      );
    const work = await planWork(complete, {
      served: context.models,
      needsMetadata: false,
      maxVoxels,
      ...source,
    });
    const { uploads: ids = null, study_path: study = null } = request;
    if (ids !== null) await requireSize(context.uploads.filesOf(ids, client.name), maxVoxels);
    if (study !== null) await requireSize(filesOfWork(work), maxVoxels);
    const models = work.stages.map(({ modelId }) => modelId);
    return await jobs.submit({ id, models, client: client.name, request, work, idempotency, prepare });
  } finally {
    // It has moved to the job, unless there is no new job.
    if (received.folder !== null) await rm(received.folder, { recursive: true, force: true });
  }
}

/** Finds where the images of a job are, and where its results go. */
async function sourceOf(
  { uploads = null, study_path: study = null, output_dir: output = null }: JobRequest,
  { id, received, client }: Omit<WantedJob, "idempotency">,
  { jobs, dataRoots, uploads: store }: ServiceContext,
) {
  const folder = jobs.store.folderOf(id);
  const input = join(folder, "input");
  const outputDir = output === null ? join(folder, "output") : await dataRoots.resolveNew(output);
  const sources = [uploads !== null, study !== null, received.files.length > 0].filter(Boolean).length;
  if (sources !== 1)
    throw serviceError(
      "SERIES_INVALID",
      "a job takes its images from one of: files of the form, uploads, study_path",
    );
  if (study !== null) {
    const studyFolder = await dataRoots.resolveExisting(study, "/");
    return {
      studyFolder,
      outputDir,
      archives: [],
      allowedRoots: dataRoots.folders,
      resolveInput: (path: string) => dataRoots.resolveExisting(path, studyFolder),
      prepare: () => Promise.resolve(),
    };
  }
  const names = uploads === null ? received.files : store.namesOf(uploads, client.name);
  const prepare = async (): Promise<void> => {
    await makeFolder(folder, 0o700);
    if (uploads === null) await rename(received.folder!, input);
    else await store.take(uploads, client.name, input);
  };
  return { outputDir, prepare, ...uploadedStudy(input, names) };
}

/** Returns the facts of a study that a client uploaded. Its paths are checked when its archives are unpacked. */
export function uploadedStudy(input: string, names: readonly string[]) {
  return {
    studyFolder: input,
    archives: names.filter((name) => archiveEnding.test(name)).map((name) => join(input, name)),
    allowedRoots: [input],
    resolveInput: (path: string) => Promise.resolve(join(input, join("/", path))),
  };
}
