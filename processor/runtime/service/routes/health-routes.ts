import type { FastifyInstance } from "fastify";
import {
  about,
  count,
  flag,
  listOf,
  number,
  oneOf,
  orNull,
  record,
  recordOf,
  text,
} from "../../../contract/json-check.js";
import { modelStates } from "../models/served-model.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const tags = ["health"];
const ready = record({
  status: oneOf(["ok", "starting"]),
  reason: orNull(text),
  models_loaded: listOf(text),
  gpu_available: flag,
  max_free_mem: about("Free memory of the GPU that has the most, in MiB.", orNull(number)),
  models: recordOf(oneOf(modelStates)),
  queue: record({ waiting: count, running: count }),
});

/** The routes that say whether the server lives, and whether it takes jobs. */
export function addHealthRoutes(
  app: FastifyInstance,
  { jobs, models, gpus, readiness }: ServiceContext,
): void {
  app.route({
    method: "GET",
    url: "/healthz",
    schema: routeSchema({
      summary: "Answers while the process lives",
      tags,
      answers: { 200: record({ status: text }) },
    }),
    handler: () => Promise.resolve({ status: "ok" }),
  });
  app.route({
    method: "GET",
    url: "/readyz",
    schema: routeSchema({
      summary: "Says whether the server takes jobs",
      tags,
      answers: { 200: ready, 503: ready },
    }),
    handler(_, reply) {
      const { isReady, reason } = readiness();
      const { waiting, running } = jobs.counts();
      const { isAvailable, maxFreeMib } = gpus.state();
      const loaded = jobs.engine.status().loadedModels ?? [];
      return reply.code(isReady ? 200 : 503).send({
        status: isReady ? "ok" : "starting",
        reason,
        models_loaded: loaded.map(({ modelId }) => modelId),
        gpu_available: isAvailable,
        max_free_mem: maxFreeMib,
        models: Object.fromEntries(models.all.map((model) => [model.id, models.stateOf(model)])),
        queue: { waiting, running },
      });
    },
  });
}
