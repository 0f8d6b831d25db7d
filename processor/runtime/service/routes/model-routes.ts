import type { FastifyInstance } from "fastify";
import {
  about,
  anything,
  type Checked,
  count,
  flag,
  listOf,
  matching,
  oneOf,
  orNull,
  record,
  text,
} from "../../../contract/json-check.js";
import { serviceError } from "../errors.js";
import { modelStates, type ServedModel, type ServedModels } from "../models/served-model.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const tags = ["models"];
const shownModel = record({
  id: text,
  name: text,
  aliases: listOf(text),
  ready: flag,
  state: about("`loading` while the model is converted or its networks are loaded.", oneOf(modelStates)),
  error: about("Why the model cannot be used.", orNull(text)),
  channels: about("The images that it takes, in this order.", listOf(text)),
  labels: listOf(record({ name: text, value: anything })),
  weight_bytes: orNull(count),
  min_mem_mib: about("The free memory that a GPU must have.", count),
  license: orNull(text),
  defaults: about("What holds for the fields of a request that it does not set.", anything),
});
const ofModel = record({ id: matching(/^[^/]{1,200}$/, "the id of a model") });

/** The models of the server. */
export function addModelRoutes(app: FastifyInstance, { models }: ServiceContext): void {
  app.route({
    method: "GET",
    url: "/v1/models",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Lists the models",
      tags,
      answers: { 200: record({ models: listOf(shownModel) }) },
    }),
    handler: () => Promise.resolve({ models: models.all.map((model) => shown(model, models)) }),
  });
  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/models/:id",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Describes a model",
      tags,
      params: ofModel,
      answers: { 200: shownModel },
    }),
    handler({ params: { id } }) {
      const found = models.find(id);
      if (found === null) throw serviceError("MODEL_NOT_SERVED", `there is no model ${JSON.stringify(id)}`);
      return Promise.resolve(shown(found, models));
    },
  });
}

const shown = (model: ServedModel, models: ServedModels): Checked<typeof shownModel> => ({
  id: model.id,
  name: model.name,
  aliases: model.aliases,
  ready: models.stateOf(model) === "ready",
  state: models.stateOf(model),
  error: model.error,
  channels: model.channels,
  labels: model.labels,
  weight_bytes: model.weightBytes,
  min_mem_mib: model.minMemoryMib,
  license: model.license,
  defaults: model.defaultArgs,
});
