import "@fastify/multipart";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import {
  about,
  listOf,
  matching,
  oneOf,
  orAbsent,
  orNull,
  record,
  text,
} from "../../../contract/json-check.js";
import { serviceError } from "../errors.js";
import { sendArchive } from "../files/send-archive.js";
import { sendFile } from "../files/send-file.js";
import { isFinal, type Job, job, jobFile, jobStates } from "../jobs/job.js";
import { requestJob } from "../requests/request-job.js";
import { ofDownload } from "../schemas/download-headers.js";
import { jobRequest } from "../schemas/inference-request.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";
import { receiveForm } from "../uploads/receive-form.js";
import { goneSignal } from "./gone-signal.js";

const tags = ["jobs"];
const jobId = matching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "an id of up to 64 letters, digits, - and _");
const ofJob = record({ id: jobId });
const ofFile = record({ id: jobId, "*": about("The name of the file.", text) });
const idempotencyKey = matching(/^.{1,200}$/, "a key of 1 to 200 characters");

const ofStart = record({
  "idempotency-key": orAbsent(about("Requests with the same key start one job.", idempotencyKey)),
  prefer: orAbsent(about("`wait=60` waits up to 60 seconds for the end of the job.", text)),
});

/** The routes of jobs. */
export function addJobRoutes(app: FastifyInstance, context: ServiceContext): void {
  const { jobs } = context;
  const { downloads } = context;

  const answers = { 200: about("The job exists already, or has ended in time.", job), 202: job };
  app.route<{ Params: { id?: string } }>({
    method: "POST",
    url: "/v1/jobs",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Starts a job",
      tags,
      body: jobRequest,
      form: jobRequest,
      headers: ofStart,
      answers,
    }),
    handler: (request, reply) => startJob(request, reply, jobs.newId()),
  });
  app.route<{ Params: { id: string } }>({
    method: "PUT",
    url: "/v1/jobs/:id",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Starts a job with the client's id",
      tags,
      body: jobRequest,
      form: jobRequest,
      headers: ofStart,
      params: ofJob,
      answers,
    }),
    handler: (request, reply) => startJob(request, reply, request.params.id),
  });

  async function startJob(request: FastifyRequest, reply: FastifyReply, id: string): Promise<FastifyReply> {
    const key = keyOf(request);
    const { readiness } = context;
    const { isReady, reason } = readiness();
    if (!isReady) throw serviceError("NOT_READY", reason ?? "the server is not ready");
    const received = request.isMultipart()
      ? await receiveForm(request, { folder: join(context.folder, "incoming", jobs.newId()), context })
      : { request: request.body, folder: null, files: [], digest: digestOf(request.body ?? null) };
    const idempotency = key === null ? null : { key, digest: received.digest };
    const { job: started, isNew } = await requestJob(
      { id, received, client: request.client, idempotency },
      context,
    );
    const waited = await waitIfPreferred(request, reply, started);
    const isEnded = isFinal(waited.state);
    if (isEnded && isNew) void reply.header("preference-applied", "wait");
    return reply
      .code(isNew && !isEnded ? 202 : 200)
      .header("location", `/v1/jobs/${started.id}`)
      .send(waited);
  }

  async function waitIfPreferred(request: FastifyRequest, reply: FastifyReply, started: Job): Promise<Job> {
    const [, seconds] =
      /(?:^|[,;\s])wait=(\d{1,6})(?:$|[,;\s])/.exec(String(request.headers["prefer"] ?? "")) ?? [];
    if (seconds === undefined) return started;
    await jobs.ended(started.id, Number(seconds) * 1000, goneSignal(reply));
    return jobs.get(started.id);
  }

  const query = record({
    state: orAbsent(oneOf(jobStates)),
    limit: orAbsent(matching(/^(?:[1-9]\d?|1\d\d|200)$/, "a number from 1 to 200")),
    after: orAbsent(jobId),
  });
  app.route<{ Querystring: { state?: (typeof jobStates)[number]; limit?: string; after?: string } }>({
    method: "GET",
    url: "/v1/jobs",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Lists the jobs, the newest first",
      tags,
      querystring: query,
      answers: {
        200: record({
          jobs: listOf(job),
          next: about("The value of `after` for the next page.", orNull(text)),
        }),
      },
    }),
    handler: ({ query: { state = null, limit = "50", after = null } }) =>
      Promise.resolve(jobs.list({ state, limit: Number(limit), after })),
  });

  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/jobs/:id",
    config: { scope: "read" },
    schema: routeSchema({ summary: "Describes a job", tags, params: ofJob, answers: { 200: job } }),
    handler: ({ params: { id } }) => Promise.resolve(jobs.get(id)),
  });

  const cancel = async ({ params: { id } }: FastifyRequest<{ Params: { id: string } }>): Promise<Job> =>
    jobs.cancel(id);
  app.route<{ Params: { id: string } }>({
    method: "POST",
    url: "/v1/jobs/:id/cancel",
    config: { scope: "infer" },
    schema: routeSchema({ summary: "Cancels a job", tags, params: ofJob, answers: { 200: job } }),
    handler: cancel,
  });
  app.route<{ Params: { id: string }; Querystring: { files?: "remove" } }>({
    method: "DELETE",
    url: "/v1/jobs/:id",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Cancels a job, or removes the files of one that has ended",
      tags,
      params: ofJob,
      answers: { 200: job, 204: null },
    }),
    async handler(request, reply) {
      const { id } = request.params;
      if (!isFinal(jobs.get(id).state)) return reply.send(await cancel(request));
      await jobs.remove(id);
      return reply.code(204).send();
    },
  });

  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/jobs/:id/files",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Lists the results of a job",
      tags,
      params: ofJob,
      answers: { 200: record({ files: listOf(jobFile) }) },
    }),
    handler: ({ params: { id } }) => Promise.resolve({ files: jobs.get(id).result?.files ?? [] }),
  });
  app.route<{ Params: { id: string; "*": string } }>({
    method: "GET",
    url: "/v1/jobs/:id/files/*",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Returns a result of a job",
      tags,
      params: ofFile,
      headers: ofDownload,
      answers: { 200: "*/*", 206: "*/*", 304: null, 416: null },
    }),
    async handler(request, reply) {
      const { id, "*": name } = request.params;
      const file = jobs.get(id).result?.files.find((found) => found.name === name);
      if (file === undefined)
        throw serviceError("FILE_UNKNOWN", `the job has no file ${JSON.stringify(name.slice(0, 100))}`);
      downloads.take(reply);
      return sendFile(request, reply, { path: join(jobs.stored(id).work.outputDir, file.name), name });
    },
  });
  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/jobs/:id/archive.zip",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Returns the results of a job as a zip file",
      tags,
      params: ofJob,
      headers: ofDownload,
      answers: { 200: "application/zip", 206: "application/zip", 304: null, 416: null },
    }),
    handler: (request, reply) => sendArchive(request, reply, { context, id: request.params.id }),
  });
}

export const digestOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("hex");

function keyOf(request: FastifyRequest): string | null {
  const key = request.headers["idempotency-key"];
  return typeof key === "string" ? key : null;
}
