import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const secondsBuckets = [0.1, 0.3, 1, 3, 10, 30, 60, 120, 300, 600, 1800];

/** What Prometheus collects. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests: Counter;

  constructor({ jobs, models }: ServiceContext) {
    const registers = [this.registry];
    collectDefaultMetrics({ register: this.registry });
    this.#requests = new Counter({
      name: "http_requests_total",
      help: "Answered requests",
      labelNames: ["method", "route", "status"],
      registers,
    });
    const ended = new Counter({
      name: "jobs_total",
      help: "Ended jobs",
      labelNames: ["model", "state"],
      registers,
    });
    const seconds = new Histogram({
      name: "job_seconds",
      help: "Seconds of each stage of a job",
      labelNames: ["stage"],
      buckets: secondsBuckets,
      registers,
    });
    jobs.onEnd(({ models: names, state, created, started, result }) => {
      ended.inc({ model: names.join("+"), state });
      if (started !== null) seconds.observe({ stage: "wait" }, passed(created, Date.parse(started)));
      for (const stage of result?.stages ?? [])
        for (const [name, time] of Object.entries(stage.seconds)) seconds.observe({ stage: name }, time);
    });
    new Gauge({
      name: "queue_length",
      help: "Jobs that wait",
      registers,
      collect() {
        this.set(jobs.counts().waiting);
      },
    });
    new Gauge({
      name: "queue_oldest_seconds",
      help: "How long the first job has waited",
      registers,
      collect() {
        const { oldestWaiting } = jobs.counts();
        this.set(oldestWaiting === null ? 0 : passed(oldestWaiting, Date.now()));
      },
    });
    new Gauge({
      name: "device_memory_bytes",
      help: "Bytes of the weights that are loaded",
      registers,
      collect() {
        this.set((jobs.engine.status().loadedModels ?? []).reduce((sum, { bytes }) => sum + bytes, 0));
      },
    });
    new Gauge({
      name: "model_loaded",
      help: "1 for a model whose networks are loaded",
      labelNames: ["model"],
      registers,
      collect() {
        const loaded = new Set((jobs.engine.status().loadedModels ?? []).map(({ modelId }) => modelId));
        for (const { id } of models.all) this.set({ model: id }, loaded.has(id) ? 1 : 0);
      },
    });
  }

  countRequest(request: FastifyRequest, reply: FastifyReply): void {
    this.#requests.inc({
      method: request.method,
      route: request.routeOptions.url ?? "unknown",
      status: String(reply.statusCode),
    });
  }
}

/** Returns the seconds from a time to another; 0 if the clock went back meanwhile. */
const passed = (from: string, toMs: number): number => Math.max(0, (toMs - Date.parse(from)) / 1000);

/** The metrics, with the other routes. */
export function addMetricsRoute(app: FastifyInstance, { registry }: Metrics): void {
  app.route({
    method: "GET",
    url: "/metrics",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Returns metrics for Prometheus",
      tags: ["health"],
      answers: { 200: "text/plain" },
    }),
    async handler(_, reply) {
      return reply.type(registry.contentType).send(await registry.metrics());
    },
  });
}
