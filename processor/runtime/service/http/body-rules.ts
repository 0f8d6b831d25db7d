import type { FastifyInstance, FastifyRequest } from "fastify";
import { serviceError } from "../errors.js";
import { requireShallow } from "./json-depth.js";

/** What a form has besides its files: its request, and the head of each part. */
const formOverheadBytes = 16 << 20;

/**
 * Refuses bodies that a route does not take. Before a body is read, these are another content type than the schema names, a
 * compressed body, and a form whose `Content-Length` is above the limit; before JSON is parsed, one that is nested too deeply.
 */
export function addBodyRules(app: FastifyInstance, maxUploadBytes: number): void {
  app.addHook("preParsing", async (request) => {
    const {
      "content-type": header,
      "content-encoding": encoding,
      "content-length": length,
    } = request.headers;
    const taken = takenTypes(request);
    if (header === undefined || taken === null) return;
    const type = header.split(";", 1)[0]!.trim().toLowerCase();
    if (!taken.includes(type))
      throw serviceError(
        "MEDIA_TYPE_UNKNOWN",
        `the body is ${JSON.stringify(type.slice(0, 100))}, but this route takes ${taken.join(" or ")}`,
      );
    if (encoding !== undefined && encoding.toLowerCase() !== "identity")
      throw serviceError(
        "MEDIA_TYPE_UNKNOWN",
        `the body has the Content-Encoding ${JSON.stringify(encoding.slice(0, 100))}; bodies are taken only as they are`,
      );
    if (type === "multipart/form-data" && Number(length) > maxUploadBytes + formOverheadBytes)
      throw serviceError("UPLOAD_TOO_LARGE", `the files have more than ${maxUploadBytes} bytes`);
  });
  const usual = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    try {
      requireShallow(body as string);
    } catch (error) {
      done(error as Error);
      return;
    }
    void usual(request, body as string, done);
  });
}

/** Returns the content types that a route takes; null for a route that reads no body. */
function takenTypes({ routeOptions: { schema } }: FastifyRequest): readonly string[] | null {
  const body = schema?.body as { readonly content?: object } | undefined;
  if (body === undefined) return null;
  return body.content === undefined ? ["application/json"] : Object.keys(body.content);
}
