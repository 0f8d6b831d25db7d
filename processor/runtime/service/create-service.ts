import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import multipart from "@fastify/multipart";
import rateLimit from "@fastify/rate-limit";
import swagger from "@fastify/swagger";
import Fastify, { type FastifyInstance } from "fastify";
import { anonymous, authenticate } from "./access/authenticate.js";
import { allowOrigin } from "./access/cross-origin.js";
import { errorAnswer } from "./error-body.js";
import { serviceError } from "./errors.js";
import { DownloadSlots } from "./files/download-slots.js";
import { addPage } from "./files/page-files.js";
import { GpuWatch } from "./gpu-watch.js";
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
import { validatorCompiler } from "./schemas/validator.js";
import { securityHeaders } from "./security-headers.js";
import type { Readiness, ServiceContext, ServiceOptions } from "./service-context.js";
import { UploadStore } from "./uploads/upload-store.js";
import { openWebhooks } from "./webhooks/send-webhooks.js";

/** The service, without a port: `app.listen` opens one, and `app.inject` asks it without. */
export interface Service {
  readonly app: FastifyInstance;
  readonly context: ServiceContext;
  readonly metrics: Metrics;
  /** Takes no further jobs, waits for those that run, and closes all connections. */
  close(graceMs: number): Promise<void>;
}

const jsonBytes = 1 << 20;
const maxConnections = 2000;
const hourMs = 3_600_000;

/** Makes the service: its jobs, and the application that answers requests. */
export async function createService(options: ServiceOptions): Promise<Service> {
  let isStopping = false;
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
    now: () => new Date(),
    onTrouble: trouble,
  });
  const readiness = (): Readiness => {
    if (isStopping) return { isReady: false, reason: "the server is stopping" };
    const { isReady, reason } = jobs.engine.status();
    return { isReady, reason };
  };
  const downloads = new DownloadSlots(limits.maxDownloads);
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
  jobs.onEnd(
    openWebhooks({
      settings: options.webhooks,
      onFailure: (message) => log("error", { message }),
      signal: ended.signal,
    }),
  );
  const app = Fastify({
    bodyLimit: jsonBytes,
    trustProxy: (_address, hop) => hop < options.trustedProxies,
    logger: false,
    // A request may take as long as its upload, but a client that sends nothing is disconnected.
    connectionTimeout: 0,
    requestTimeout: 0,
    http: { headersTimeout: 30_000, maxHeaderSize: 16_384, connectionsCheckingInterval: 5000 },
    routerOptions: { maxParamLength: 1000 },
    forceCloseConnections: true,
    genReqId: () => jobs.newId(),
  });
  app.server.maxConnections = maxConnections;
  app.server.on("request", disconnectSilent);
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(() => (value) => JSON.stringify(value));
  app.decorateRequest("client", null as never);
  app.addHook("onRequest", async (request, reply) => {
    request.client = anonymous;
    for (const [name, value] of securityHeaders) void reply.header(name, value);
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
  app.setErrorHandler((error, request, reply) => {
    const answer = errorAnswer(error);
    if (answer.isBug) trouble(error);
    for (const [name, value] of Object.entries(answer.headers)) void reply.header(name, value);
    // The rest of a body that was refused is not read.
    if (answer.status === 413) void reply.header("connection", "close");
    return reply.code(answer.status).send({ ...answer.body, request: request.id });
  });
  app.setNotFoundHandler((request) => {
    throw serviceError(
      "ROUTE_UNKNOWN",
      `there is no route ${request.method} ${request.url.split("?")[0]!.slice(0, 200)}`,
    );
  });
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "nnunet-processor",
        version: "1",
        description: "Segments medical images with nnU-Net models.",
      },
    },
  });
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
  const sweep = (): void => void jobs.sweep(options.keptResultsMs).catch(trouble);
  sweep();
  const sweeping = setInterval(sweep, hourMs);
  sweeping.unref();
  return {
    app,
    context,
    metrics,
    async close(graceMs) {
      isStopping = true;
      clearInterval(sweeping);
      await jobs.close(graceMs);
      ended.abort();
      await app.close();
    },
  };
}

const silenceMs = 30_000;

const watchedSockets = new WeakSet<Socket>();

/** Ends the connection of a client that sends nothing in the middle of a request. The answer may take as long as it needs. */
function disconnectSilent(request: IncomingMessage): void {
  const { socket } = request;
  socket.setTimeout(silenceMs);
  // A connection that is kept alive has many requests.
  if (!watchedSockets.has(socket)) socket.on("timeout", () => socket.destroy());
  watchedSockets.add(socket);
  request.once("close", () => socket.setTimeout(0));
  request.once("end", () => socket.setTimeout(0));
}
