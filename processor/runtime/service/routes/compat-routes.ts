import type { FastifyInstance } from "fastify";
import {
  about,
  anything,
  count,
  either,
  flag,
  listOf,
  matching,
  number,
  oneOf,
  orAbsent,
  orNull,
  record,
  recordOf,
  schemaOf,
  text,
} from "../../../contract/json-check.js";
import { serviceError } from "../errors.js";
import { sendArchive } from "../files/send-archive.js";
import { taskOfSource } from "../models/model-source.js";
import type { ServedModel } from "../models/served-model.js";
import { ofDownload } from "../schemas/download-headers.js";
import { inferenceRequest } from "../schemas/inference-request.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";

const tags = ["nnunet_serve"];
const anyRecord = recordOf(anything);
const ofJob = record({ id: matching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/, "the id of a job") });
const infoFields = {
  path: orNull(text),
  model_information: anything,
  n_classes: count,
  id: text,
  rel_path: orNull(text),
  name: text,
  min_mem: number,
  default_args: anyRecord,
  is_totalseg: flag,
  totalseg_task: orAbsent(text),
  error: orAbsent(about("Why the model cannot be used.", text)),
};
const info = record({ ...infoFields, metadata: anything });
const cleanInfo = record({
  ...infoFields,
  metadata: listOf(record({ "Label ID": anything, Name: text, Index: count })),
  description: anything,
  description_long: text,
});
const expired = record({ status: text, message: text });

/** nnunet_serve's other routes. */
export function addCompatRoutes(app: FastifyInstance, context: ServiceContext): void {
  const { models, jobs } = context;
  const whole = () => Object.fromEntries(models.all.map((model) => [model.id, infoOf(model)]));
  const clean = () => Object.fromEntries(models.all.map((model) => [model.id, cleanInfoOf(model)]));

  app.route<{ Querystring: { format?: "clean" } }>({
    method: "GET",
    url: "/model_info",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Describes the models as nnunet_serve does",
      tags,
      querystring: record({ format: orAbsent(oneOf(["clean"])) }),
      answers: { 200: either(recordOf(info), recordOf(cleanInfo)) },
    }),
    handler: ({ query: { format } }) => Promise.resolve(format === "clean" ? clean() : whole()),
  });
  app.route({
    method: "GET",
    url: "/model_info_clean",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Describes the models with a list of their labels",
      tags,
      answers: { 200: recordOf(cleanInfo) },
    }),
    handler: () => Promise.resolve(clean()),
  });
  app.route({
    method: "GET",
    url: "/request-params",
    config: { scope: "read" },
    schema: routeSchema({
      summary: "Returns the JSON Schema of the body of /infer",
      tags,
      answers: { 200: anyRecord },
    }),
    handler: () => Promise.resolve(schemaOf(inferenceRequest, "InferenceRequest")),
  });
  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/download/:id",
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
  const expire = async () => {
    const count = await jobs.engine.expire();
    return { status: "ok", message: `Expired ${count} items` };
  };
  app.route({
    method: "POST",
    url: "/expire",
    config: { scope: "admin" },
    schema: routeSchema({ summary: "Frees the networks that no job uses", tags, answers: { 200: expired } }),
    handler: expire,
  });
  app.route({
    method: "GET",
    url: "/expire",
    config: { scope: "admin" },
    schema: routeSchema({
      summary: "Frees networks, if the server was started with --compat-get-expire",
      tags,
      answers: { 200: expired },
    }),
    handler(_, reply) {
      if (context.expiresByGet) return expire();
      void reply.header("allow", "POST");
      throw serviceError("METHOD_NOT_ALLOWED", "networks are freed by POST /expire");
    },
  });
}

function infoOf(model: ServedModel): Readonly<Record<string, unknown>> {
  const task = taskOfSource(model.source);
  return {
    path: model.path,
    model_information: model.information,
    n_classes: model.labels.length,
    id: model.id,
    rel_path: model.relPath,
    name: model.name,
    metadata: model.metadata,
    min_mem: model.minMemoryMib,
    default_args: model.defaultArgs,
    is_totalseg: task !== null,
    ...(task === null ? {} : { totalseg_task: task }),
    ...(model.error === null ? {} : { error: model.error }),
  };
}

function cleanInfoOf(model: ServedModel): Readonly<Record<string, unknown>> {
  const { information, labels } = model;
  const description = information?.["description"] ?? model.name;
  return {
    ...infoOf(model),
    metadata: labels.map(({ name, value }, index) => ({ "Label ID": value, Name: name, Index: index })),
    description,
    description_long: `${model.name}: ${labels.map(({ name }) => name).join(", ")}`,
  };
}
