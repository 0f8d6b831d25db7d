import type { FastifyInstance } from "fastify";
import { flag, listOf, matching, record, text } from "../../../contract/json-check.js";
import { programVersion } from "../../model/program-version.js";
import { serviceError } from "../errors.js";
import type { ServedModel } from "../models/served-model.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const tags = ["Open Inference Protocol"];
const ofModel = record({ model: matching(/^[^/]{1,200}$/, "the id of a model") });
const metadata = record({
  name: text,
  versions: listOf(text),
  platform: text,
  inputs: listOf(record({ name: text })),
  outputs: listOf(record({ name: text })),
});

/** Health and metadata of the Open Inference Protocol (v2), which KServe and its tools ask for. */
export function addKserveRoutes(app: FastifyInstance, { models, readiness }: ServiceContext): void {
  app.route({
    method: "GET",
    url: "/v2",
    schema: routeSchema({
      summary: "Describes the server",
      tags,
      answers: { 200: record({ name: text, version: text, extensions: listOf(text) }) },
    }),
    handler: async () => ({ name: "nnunet-processor", version: await programVersion(), extensions: [] }),
  });
  app.route({
    method: "GET",
    url: "/v2/health/live",
    schema: routeSchema({
      summary: "Says whether the process lives",
      tags,
      answers: { 200: record({ live: flag }) },
    }),
    handler: () => Promise.resolve({ live: true }),
  });
  app.route({
    method: "GET",
    url: "/v2/health/ready",
    schema: routeSchema({
      summary: "Says whether the server takes jobs",
      tags,
      answers: { 200: record({ ready: flag }), 503: record({ ready: flag }) },
    }),
    handler(_, reply) {
      const { isReady } = readiness();
      return reply.code(isReady ? 200 : 503).send({ ready: isReady });
    },
  });
  app.route<{ Params: { model: string } }>({
    method: "GET",
    url: "/v2/models/:model",
    config: { scope: "read" },
    schema: routeSchema({ summary: "Describes a model", tags, params: ofModel, answers: { 200: metadata } }),
    handler({ params }) {
      const { id, channels, labels } = find(params.model);
      return Promise.resolve({
        name: id,
        versions: ["1"],
        platform: "nnunet-processor",
        inputs: channels.map((name) => ({ name })),
        outputs: labels.map(({ name }) => ({ name })),
      });
    },
  });
  app.route<{ Params: { model: string } }>({
    method: "GET",
    url: "/v2/models/:model/ready",
    schema: routeSchema({
      summary: "Says whether a model can be used",
      tags,
      params: ofModel,
      answers: { 200: record({ name: text, ready: flag }), 503: record({ name: text, ready: flag }) },
    }),
    handler({ params }, reply) {
      const model = find(params.model);
      const ready = models.stateOf(model) === "ready";
      return reply.code(ready ? 200 : 503).send({ name: model.id, ready });
    },
  });
  app.route<{ Params: { model: string } }>({
    method: "POST",
    url: "/v2/models/:model/infer",
    schema: routeSchema({
      summary: "Is not offered, because tensors are not scans",
      tags,
      params: ofModel,
      answers: {},
    }),
    handler() {
      throw serviceError("NOT_OFFERED", "this server takes scans with their geometry, not tensors");
    },
  });

  function find(name: string): ServedModel {
    const found = models.find(name);
    if (found === null)
      throw serviceError("MODEL_NOT_SERVED", `there is no model ${JSON.stringify(name.slice(0, 100))}`);
    return found;
  }
}
