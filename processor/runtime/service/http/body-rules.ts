import type { FastifyInstance, FastifyRequest } from "fastify";
import { serviceError } from "../errors.js";
import { requireShallow } from "./json-depth.js";

/** What a form has besides its files: its request, and the head of each part. */
const formOverheadBytes = 16 << 20;

/**
 * Refuses bodies that a route does not take before they are read: another kind than its schema names, a packed one, a form
 * that is too long by its own account, and JSON that is nested so deeply that nobody means it.
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

/** Returns the kinds of body that a route takes; null if it takes none, and therefore reads none. */
function takenTypes({ routeOptions: { schema } }: FastifyRequest): readonly string[] | null {
  const body = schema?.body as { readonly content?: object } | undefined;
  if (body === undefined) return null;
  return body.content === undefined ? ["application/json"] : Object.keys(body.content);
}
