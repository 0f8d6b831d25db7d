import {
  anything,
  type JsonCheck,
  type JsonSchema,
  listOf,
  orAbsent,
  record,
  text,
} from "../../../contract/json-check.js";

/** The body of answers that report an error. */
export const errorBody = record({
  status: text,
  code: text,
  error: text,
  help: text,
  detail: orAbsent(listOf(record({ loc: listOf(anything), msg: text, type: text }))),
});

export interface RouteSchema {
  readonly summary: string;
  readonly tags: readonly string[];
  readonly body?: JsonCheck<unknown>;
  readonly params?: JsonCheck<unknown>;
  readonly querystring?: JsonCheck<unknown>;
  readonly consumes?: readonly string[];
  /** The answers by status; null for one without a JSON body. */
  readonly answers: Readonly<Record<number, JsonCheck<unknown> | null>>;
}

/** Returns the schema of a route as Fastify takes it. Its checks have no parts that contain themselves. */
export function routeSchema({ summary, tags, consumes, answers, ...parts }: RouteSchema): JsonSchema {
  const schemaOf = (check: JsonCheck<unknown>): JsonSchema => check.schema(new Map());
  const response = Object.entries(answers).map(([status, check]) => [
    status,
    check === null ? { description: "not JSON" } : { description: summary, ...schemaOf(check) },
  ]);
  return {
    summary,
    tags,
    ...(consumes === undefined ? {} : { consumes }),
    ...Object.fromEntries(Object.entries(parts).map(([name, check]) => [name, schemaOf(check)])),
    response: {
      ...Object.fromEntries(response),
      "4xx": { description: "what is wrong with the request", ...schemaOf(errorBody) },
      "5xx": { description: "what is wrong with the server", ...schemaOf(errorBody) },
    },
  };
}
