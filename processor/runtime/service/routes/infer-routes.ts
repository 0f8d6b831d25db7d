import "@fastify/multipart";
import { rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { makeFolder } from "../../../files/make-folder.js";
import { inferAnswer, inferAnswerCheck } from "../compat/infer-answer.js";
import { Orthanc } from "../compat/orthanc.js";
import { errorAnswer, withoutServerFolder } from "../error-body.js";
import { serviceError } from "../errors.js";
import type { StoredJob } from "../jobs/stored-job.js";
import { completeRequest } from "../requests/complete-request.js";
import { type PlanWorkOptions, planWork } from "../requests/plan-work.js";
import { uploadedStudy } from "../requests/request-job.js";
import { filesOfWork, requireSize } from "../requests/scan-size.js";
import {
  type InferenceRequest,
  inferenceRequest,
  type OrthancRequest,
  orthancRequest,
  type SharedFields,
  type UploadRequest,
  uploadRequest,
} from "../schemas/inference-request.js";
import { failedInferenceBody, routeSchema } from "../schemas/route-schema.js";
import { requireFit } from "../schemas/validator.js";
import type { ServiceContext } from "../service-context.js";
import { receiveForm } from "../uploads/receive-form.js";
import { goneSignal } from "./gone-signal.js";

const tags = ["nnunet_serve"];
const answers = { 200: inferAnswerCheck };
const uploadSchema = uploadRequest.schema(new Map());

/** nnunet_serve's routes for inference: each starts a job and answers when it has ended. */
export function addInferRoutes(app: FastifyInstance, context: ServiceContext): void {
  const { jobs, limits, models, dataRoots } = context;
  const config = {
    scope: "infer" as const,
    rateLimit:
      limits.requestsPerMinute === null
        ? (false as const)
        : { max: limits.requestsPerMinute, timeWindow: 60_000 },
  };
  const failed = (error: FastifyError, request: FastifyRequest, reply: FastifyReply) =>
    failedInference(error, request, { reply, context });
  const shared = { method: "POST" as const, config, errorHandler: failed };

  app.route<{ Body: InferenceRequest }>({
    ...shared,
    url: "/infer",
    schema: routeSchema({
      summary: "Segments files of the server's data roots",
      tags,
      body: inferenceRequest,
      answers,
      failure: failedInferenceBody,
    }),
    async handler(request, reply) {
      const { body } = request;
      const complete = completeRequest(body.nnunet_id, body, models);
      const study = await dataRoots.resolveExisting(body.study_path, "/");
      const outputDir = await dataRoots.resolveNew(body.output_dir);
      const source = {
        studyFolder: null,
        outputDir,
        archives: [],
        allowedRoots: dataRoots.folders,
        resolveInput: (path: string) => dataRoots.resolveExisting(path, study),
      };
      const job = await run(request, reply, {
        id: jobs.newId(),
        complete,
        source,
        prepare: () => Promise.resolve(),
      });
      return reply.send(inferAnswer(job, { models: models.all, names: "absolute" }));
    },
  });

  app.route({
    ...shared,
    url: "/infer_file",
    schema: routeSchema({
      summary: "Segments an uploaded image or archive (fields `request` and `file`)",
      tags,
      form: uploadRequest,
      answers,
      failure: failedInferenceBody,
    }),
    async handler(request, reply) {
      if (!request.isMultipart())
        throw serviceError("MEDIA_TYPE_UNKNOWN", "/infer_file takes a form with the fields request and file");
      const id = jobs.newId();
      const incoming = join(context.folder, "incoming", id);
      const form = await receiveForm(request, { folder: incoming, context });
      try {
        requireFit(uploadSchema, form.request, "request");
        const body = form.request as UploadRequest;
        if (form.files.length === 0) throw serviceError("SERIES_INVALID", "the form has no field file");
        const complete = completeRequest(body.nnunet_id, body, models);
        const folder = jobs.store.folderOf(id);
        const source = {
          outputDir: join(folder, "output"),
          ...uploadedStudy(join(folder, "input"), form.files),
        };
        const prepare = () => moveInto(incoming, folder);
        const files = form.files.map((name) => ({ name, path: join(incoming, name) }));
        const job = await run(request, reply, { id, complete, source, prepare, body, files });
        return await reply.send({
          ...inferAnswer(job, { models: models.all, names: "in-archive" }),
          job_id: id,
        });
      } finally {
        await rm(incoming, { recursive: true, force: true });
      }
    },
  });

  app.route<{ Body: OrthancRequest }>({
    ...shared,
    url: "/infer_orthanc",
    schema: routeSchema({
      summary: "Segments series of Orthanc, and stores the results there",
      tags,
      body: orthancRequest,
      answers,
      failure: failedInferenceBody,
    }),
    async handler(request, reply) {
      if (context.orthanc === null) throw serviceError("NOT_OFFERED", "this server knows no Orthanc");
      const { series_ids: ids, ...body } = request.body;
      const series = numberedSeries(ids);
      const complete = completeRequest(
        body.nnunet_id,
        { is_dicom: true, ...body, series_folders: series.folders } as SharedFields,
        models,
      );
      const orthanc = new Orthanc(context.orthanc, limits.maxUploadBytes);
      const id = jobs.newId();
      const folder = jobs.store.folderOf(id);
      const incoming = join(context.folder, "incoming", id);
      const signal = goneSignal(reply);
      try {
        const names: string[] = [];
        for (const [seriesId, place] of series.places) {
          const name = `${place}/series.zip`;
          await orthanc.downloadSeries(seriesId, join(incoming, name), signal);
          names.push(name);
        }
        const source = { outputDir: join(folder, "output"), ...uploadedStudy(join(folder, "input"), names) };
        const job = await run(request, reply, {
          id,
          complete,
          source,
          prepare: () => moveInto(incoming, folder),
          files: names.map((name) => ({ name, path: join(incoming, name) })),
        });
        const done = inferAnswer(job, { models: models.all, names: "in-archive" });
        const responses: unknown[] = [];
        for (const { name } of job.result!.files.filter((file) => file.name.endsWith(".dcm")))
          responses.push(await orthanc.upload(join(job.work.outputDir, name), signal));
        const upload = { uploaded_instance_count: responses.length, responses };
        return await reply.send({ ...done, job_id: id, orthanc_upload: upload });
      } finally {
        await rm(incoming, { recursive: true, force: true });
      }
    },
  });

  interface WantedRun {
    readonly id: string;
    readonly complete: ReturnType<typeof completeRequest>;
    readonly source: Omit<PlanWorkOptions, "served" | "needsMetadata" | "maxVoxels">;
    readonly prepare: () => Promise<void>;
    /** The files that the client has sent; absent if the server has them. */
    readonly files?: readonly { readonly path: string; readonly name: string }[];
    /** The request as the client sent it, if it is not the body. */
    readonly body?: unknown;
  }

  async function run(request: FastifyRequest, reply: FastifyReply, wanted: WantedRun): Promise<StoredJob> {
    const { id, complete, source, prepare, body = request.body } = wanted;
    const { isReady, reason } = context.readiness();
    if (!isReady) throw serviceError("NOT_READY", reason ?? "the server is not ready");
    const { needsMetadata } = context;
    const { maxVoxels } = limits;
    const work = await planWork(complete, { served: models, needsMetadata, maxVoxels, ...source });
    await requireSize(wanted.files ?? filesOfWork(work), maxVoxels);
    const client = request.client.name;
    const modelIds = work.stages.map(({ modelId }) => modelId);
    await jobs.submit({ id, models: modelIds, client, request: body, work, idempotency: null, prepare });
    // A client that is gone does not end the job: its results are files.
    const job = await jobs.ended(id, Number.POSITIVE_INFINITY, goneSignal(reply));
    return job ?? jobs.stored(id);
  }
}

async function moveInto(incoming: string, folder: string): Promise<void> {
  await makeFolder(folder, 0o700);
  await rename(incoming, join(folder, "input"));
}

/** Gives each series of Orthanc a folder of its own. */
function numberedSeries(ids: OrthancRequest["series_ids"]) {
  const places = new Map<string, string>();
  const folderOf = (id: string): string => {
    if (id.startsWith("from:")) return id;
    const place = places.get(id) ?? String(places.size);
    places.set(id, place);
    return place;
  };
  const folders = ids.map((entry) => (typeof entry === "string" ? folderOf(entry) : entry.map(folderOf)));
  return { folders, places };
}

/** Answers with nnunet_serve's body for a request that failed. */
function failedInference(
  error: FastifyError,
  request: FastifyRequest,
  { reply, context }: { readonly reply: FastifyReply; readonly context: ServiceContext },
): FastifyReply {
  const { status, headers, body, isBug } = errorAnswer(error);
  if (isBug) context.onTrouble(error);
  for (const [name, value] of Object.entries(headers)) void reply.header(name, value);
  return reply.code(status).send({
    time_elapsed: null,
    gpu: null,
    nnunet_path: null,
    metadata: null,
    request: request.body ?? null,
    ...withoutServerFolder(body, context.folder),
    ...(context.isDebugging ? { debug: causesOf(error) } : {}),
  });
}

/** Returns an error with its causes, for an operator who looks for a fault. */
function causesOf(error: unknown): readonly string[] {
  const causes: string[] = [];
  for (let next = error; next instanceof Error && causes.length < 10; next = next.cause)
    causes.push(next.stack ?? next.message);
  return causes;
}
