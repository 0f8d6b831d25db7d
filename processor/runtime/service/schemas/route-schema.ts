import {
  anything,
  type JsonCheck,
  type JsonSchema,
  listOf,
  orAbsent,
  record,
  text,
} from "../../../contract/json-check.js";

const errorFields = {
  status: text,
  code: text,
  error: text,
  help: text,
  detail: orAbsent(listOf(record({ loc: listOf(anything), msg: text, type: text }))),
};

/** The body of answers that report an error. */
const errorBody = record(errorFields);

const nothing: JsonCheck<null> = { read: () => null, schema: () => ({ type: "null" }) };

/** The body of an error of nnunet_serve's routes for inference, which also has the keys of its other answers. */
export const failedInferenceBody = record({
  ...errorFields,
  time_elapsed: nothing,
  gpu: nothing,
  nnunet_path: nothing,
  metadata: nothing,
  request: anything,
});

/** What a request or an answer carries instead of JSON. */
type MediaType = `${string}/${string}`;

export interface RouteSchema {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly body?: JsonCheck<unknown>;
  /** What a form carries that the route takes, besides JSON. */
  readonly form?: JsonCheck<unknown>;
  /** The kinds of body that the route takes instead of JSON. */
  readonly takes?: MediaType | readonly MediaType[];
  readonly params?: JsonCheck<unknown>;
  readonly querystring?: JsonCheck<unknown>;
  readonly headers?: JsonCheck<unknown>;
  /** The answers by status: JSON, another kind, or null for one without a body. */
  readonly answers: Readonly<Record<number, JsonCheck<unknown> | MediaType | null>>;
  /** The body of errors, if it has more than that of others. */
  readonly failure?: JsonCheck<unknown>;
}

const schemaOf = (check: JsonCheck<unknown>): JsonSchema => check.schema(new Map());
const binary: JsonSchema = { type: "string", format: "binary" };

/** Returns the schema of a route as Fastify takes it. Its checks have no parts that contain themselves. */
export function routeSchema(route: RouteSchema): JsonSchema {
  const { summary, tags, body, form, takes, answers, failure = errorBody } = route;
  const { params, querystring, headers } = route;
  const parts = Object.entries({ params, querystring, headers }).filter(([, check]) => check !== undefined);
  const content = {
    ...(body === undefined ? {} : { "application/json": { schema: schemaOf(body) } }),
    ...(form === undefined ? {} : { "multipart/form-data": { schema: formSchema(schemaOf(form)) } }),
    ...Object.fromEntries([takes ?? []].flat().map((type) => [type, { schema: binary }])),
  };
  const isJsonAlone = body !== undefined && form === undefined;
  const isOther = form !== undefined || takes !== undefined;
  return {
    summary,
    tags,
    ...(isJsonAlone ? { body: schemaOf(body) } : {}),
    ...(isOther ? { body: { content } } : {}),
    ...Object.fromEntries(parts.map(([name, check]) => [name, schemaOf(check!)])),
    response: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, check]) => [status, answerSchema(check, summary)]),
      ),
      "4xx": { description: "what is wrong with the request", ...schemaOf(failure) },
      "5xx": { description: "what is wrong with the server", ...schemaOf(failure) },
    },
  };
}

function answerSchema(answer: JsonCheck<unknown> | MediaType | null, description: string): JsonSchema {
  if (answer === null) return { description: "no body", type: "null" };
  if (typeof answer === "string")
    return { description, content: { [answer]: { schema: isTextual(answer) ? {} : binary } } };
  return { description, ...schemaOf(answer) };
}

const isTextual = (type: MediaType): boolean => type.startsWith("text/") || type.endsWith("+json");

/** A form has the JSON as text in the field `request`, and any number of files. */
const formSchema = (request: JsonSchema): JsonSchema => ({
  type: "object",
  required: ["request"],
  properties: {
    request: {
      description: "JSON",
      type: "string",
      contentMediaType: "application/json",
      contentSchema: request,
    },
    file: { type: "array", items: binary },
  },
});
