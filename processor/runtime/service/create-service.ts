import { rm } from "node:fs/promises";
import { join } from "node:path";
import multipart from "@fastify/multipart";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import type { FastifyInstance } from "fastify";
import { anonymous, authenticate } from "./access/authenticate.js";
import { allowOrigin } from "./access/cross-origin.js";
import { seriesDuties } from "./dicom/routing/routed-series.js";
import { withoutServerFolder } from "./error-body.js";
import { DownloadSlots } from "./files/download-slots.js";
import { addPage } from "./files/page-files.js";
import { GpuWatch } from "./gpu-watch.js";
import { addBodyRules } from "./http/body-rules.js";
import { openApplication } from "./http/open-application.js";
import { ClockWatch } from "./jobs/clock-watch.js";
import { endOfJob } from "./jobs/end-of-job.js";
import { JobStore } from "./jobs/job-store.js";
import { Jobs } from "./jobs/jobs.js";
import { addCompatRoutes } from "./routes/compat-routes.js";
import { addEventRoutes } from "./routes/event-routes.js";
import { addHealthRoutes } from "./routes/health-routes.js";
import { addInferRoutes } from "./routes/infer-routes.js";
import { addJobRoutes } from "./routes/job-routes.js";
import { addKserveRoutes } from "./routes/kserve-routes.js";
import { addMetricsRoute, Metrics } from "./routes/metrics-routes.js";
import { addModelRoutes } from "./routes/model-routes.js";
import { addOpenapiRoutes } from "./routes/openapi-routes.js";
import { addSessionRoutes } from "./routes/session-routes.js";
import { addUploadRoutes } from "./routes/upload-routes.js";
import { description } from "./schemas/openapi-description.js";
import { validatorCompiler } from "./schemas/validator.js";
import type { Readiness, ServiceContext, ServiceOptions } from "./service-context.js";
import { UploadStore } from "./uploads/upload-store.js";
import { Webhooks, webhookDuties } from "./webhooks/send-webhooks.js";

/** The service. It has no port until `app.listen` opens one; `app.inject` sends it a request without a port. */
export interface Service {
  readonly app: FastifyInstance;
  readonly context: ServiceContext;
  readonly metrics: Metrics;
  /** Makes the service refuse jobs for a reason; null makes it take them again. */
  hold(reason: string | null): void;
  /** Takes no further jobs, waits for those that run, and closes all connections. */
  close(graceMs: number): Promise<void>;
}

const jsonBytes = 1 << 20;
const maxConnections = 2000;
const hourMs = 3_600_000;
/** How long the service waits at its end for webhooks that it is sending; the next start repeats those that have not arrived. */
const lastWebhooksMs = 2000;

/** Makes the service: its jobs, and the application that answers requests. */
export async function createService(options: ServiceOptions): Promise<Service> {
  let isStopping = false;
  let heldBy: string | null = null;
  const log = (level: "info" | "error", fields: object): void =>
    options.writeLog(JSON.stringify({ time: new Date().toISOString(), level, ...fields }));
  const trouble = (error: unknown): void =>
    log("error", { message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  const { limits } = options;
  await rm(join(options.folder, "incoming"), { recursive: true, force: true });
  const uploads = new UploadStore(join(options.folder, "uploads"), limits.maxUploadBytes);
  await uploads.open();
  const jobs = await Jobs.open({
    store: new JobStore(join(options.folder, "jobs")),
    openEngine: options.openEngine,
    maxWaiting: limits.maxWaitingJobs,
    maxWaitingOfClient: limits.maxWaitingJobsOfClient,
    resumes: options.resumesJobs,
    withDuties: (job) => ({
      ...job,
      duties: [...webhookDuties(job, options.webhooks), ...seriesDuties(job)],
    }),
    now: () => new Date(),
    onTrouble: trouble,
  });
  const readiness = (): Readiness => {
    if (isStopping) return { isReady: false, reason: "the server is stopping" };
    if (heldBy !== null) return { isReady: false, reason: heldBy };
    const { isReady, reason } = jobs.engine.status();
    return { isReady, reason };
  };
  const downloads = new DownloadSlots(limits.maxDownloads, limits.readingSilenceMs);
  const context: ServiceContext = {
    ...options,
    jobs,
    uploads,
    downloads,
    gpus: new GpuWatch(),
    onTrouble: trouble,
    readiness,
  };
  const metrics = new Metrics(context);
  const ended = new AbortController();
  const webhooks = new Webhooks({
    settings: options.webhooks,
    duties: jobs.duties,
    onFailure: (message) => log("error", { message }),
    onTrouble: trouble,
    signal: ended.signal,
  });
  jobs.onEnd((job) => webhooks.send(job));
  jobs.onEnd((job) => log("info", endOfJob(job)));
  // An earlier server may have ended before these arrived.
  for (const job of jobs.duties.open()) webhooks.send(job);
  const app = openApplication({
    maxBodyBytes: jsonBytes,
    maxConnections,
    trustedProxies: options.trustedProxies,
    ...(limits.silenceMs === undefined ? {} : { silenceMs: limits.silenceMs }),
    newRequestId: () => jobs.newId(),
    onTrouble: trouble,
    sendError: (reply, { body }, request) =>
      reply.send({ ...withoutServerFolder(body, options.folder), request: request.id }),
  });
  addBodyRules(app, limits.maxUploadBytes);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.decorateRequest("client", null as never);
  app.addHook("onRequest", async (request, reply) => {
    request.client = anonymous;
    void reply.header("x-request-id", request.id);
    if (allowOrigin(request, reply, options.access.corsOrigins)) return reply.code(204).send();
    authenticate(request, options.access);
  });
  app.addHook("onResponse", async (request, reply) => {
    metrics.countRequest(request, reply);
    log("info", {
      request: request.id,
      method: request.method,
      // The pattern and not the address, which may name a patient.
      route: request.routeOptions.url ?? "unknown",
      status: reply.statusCode,
      ms: Math.round(reply.elapsedTime),
      client: request.client.name,
    });
  });
  await app.register(swagger, description);
  await app.register(multipart, { throwFileSizeLimit: false });
  await app.register(rateLimit, {
    global: false,
    max: limits.requestsPerMinute ?? Number.POSITIVE_INFINITY,
    timeWindow: 60_000,
    cache: 10_000,
  });
  addHealthRoutes(app, context);
  addSessionRoutes(app, context);
  addModelRoutes(app, context);
  addJobRoutes(app, context);
  addEventRoutes(app, context);
  addUploadRoutes(app, context);
  addInferRoutes(app, context);
  addCompatRoutes(app, context);
  addKserveRoutes(app, context);
  addMetricsRoute(app, metrics);
  addOpenapiRoutes(app);
  for (const add of options.plugins) await add(app, context);
  if (options.pageFolder !== null) await addPage(app, options.pageFolder);
  await app.ready();
  const clock = new ClockWatch();
  const sweep = (): void => {
    const jumpMs = clock.jumpMs();
    // A wrong clock must not remove results that nobody has fetched yet.
    if (jumpMs === null) void jobs.sweep(options.keptResultsMs).catch(trouble);
    else log("error", { message: "the clock was set, so no results are removed for an hour", jumpMs });
  };
  sweep();
  const sweeping = setInterval(sweep, hourMs);
  sweeping.unref();
  return {
    app,
    context,
    metrics,
    hold(reason) {
      heldBy = reason;
    },
    async close(graceMs) {
      isStopping = true;
      clearInterval(sweeping);
      await jobs.close(graceMs);
      await webhooks.settle(lastWebhooksMs);
      ended.abort();
      await app.close();
      // The next server would otherwise repeat the duties that were fulfilled in the last moment.
      await jobs.store.settle();
    },
  };
}
