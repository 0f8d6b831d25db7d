import type { FastifyInstance } from "fastify";
import {
  about,
  type Checked,
  count,
  flag,
  matching,
  orAbsent,
  orNull,
  record,
  sha256Hex,
  text,
} from "../../../contract/json-check.js";
import { serviceError } from "../errors.js";
import { closed } from "../schemas/closed.js";
import { routeSchema } from "../schemas/route-schema.js";
import type { ServiceContext } from "../service-context.js";
import type { Upload } from "../uploads/upload-store.js";

const tags = ["uploads"];
const newUpload = closed(
  record({
    name: about("The file's name, with folders if it is one of several.", text),
    bytes: about("The length of the whole file.", count),
    sha256: about("Is compared with the file at the end.", orAbsent(sha256Hex)),
  }),
);
const shownUpload = record({
  id: text,
  name: text,
  bytes: count,
  received: about("The position of the next byte.", count),
  sha256: orNull(text),
  complete: flag,
});
const ofUpload = record({ id: matching(/^[0-9a-f-]{36}$/, "the id of an upload") });

/** Files in parts, for studies that are too large for one request on an unreliable network. */
export function addUploadRoutes(app: FastifyInstance, { uploads }: ServiceContext): void {
  app.addContentTypeParser("application/octet-stream", (_request, payload, done) => done(null, payload));

  app.route<{ Body: Checked<typeof newUpload> }>({
    method: "POST",
    url: "/v1/uploads",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Starts an upload",
      tags,
      body: newUpload,
      answers: { 201: shownUpload },
    }),
    async handler({ body: { name, bytes, sha256 = null }, client }, reply) {
      const upload = await uploads.create({ name, bytes, sha256, client: client.name });
      return reply.code(201).header("location", `/v1/uploads/${upload.id}`).send(shown(upload));
    },
  });
  app.route<{ Params: { id: string } }>({
    method: "GET",
    url: "/v1/uploads/:id",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Says how much has arrived",
      tags,
      params: ofUpload,
      answers: { 200: shownUpload },
    }),
    handler: ({ params: { id }, client }) => Promise.resolve(shown(uploads.get(id, client.name))),
  });
  app.route<{ Params: { id: string } }>({
    method: "PATCH",
    url: "/v1/uploads/:id",
    config: { scope: "infer" },
    schema: routeSchema({
      summary: "Adds bytes; the header Content-Range says which: bytes 0-99/200",
      tags,
      params: ofUpload,
      headers: record({ "content-range": orAbsent(about("`bytes FIRST-LAST/LENGTH`.", text)) }),
      takes: "application/octet-stream",
      answers: { 200: shownUpload },
    }),
    async handler(request) {
      const { id } = request.params;
      const [, from, to, whole] =
        /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(String(request.headers["content-range"] ?? "")) ??
        [];
      if (from === undefined)
        throw serviceError(
          "UPLOAD_INVALID",
          "the header Content-Range is missing, or is not `bytes FIRST-LAST/LENGTH`",
        );
      const { bytes } = uploads.get(id, request.client.name);
      const announced = Number(to) - Number(from) + 1;
      if ((whole !== "*" && Number(whole) !== bytes) || Number(to) >= bytes || announced < 1)
        throw serviceError("UPLOAD_INVALID", `Content-Range does not fit a file of ${bytes} bytes`);
      // Before anything is written, if the length is known.
      const length = Number(request.headers["content-length"] ?? announced);
      if (length !== announced) throw otherLength(announced, String(length));
      const body = exactly(request.body as AsyncIterable<Uint8Array>, announced);
      return shown(await uploads.append(id, request.client.name, Number(from), body));
    },
  });
  app.route<{ Params: { id: string } }>({
    method: "DELETE",
    url: "/v1/uploads/:id",
    config: { scope: "infer" },
    schema: routeSchema({ summary: "Removes an upload", tags, params: ofUpload, answers: { 204: null } }),
    async handler({ params: { id }, client }, reply) {
      await uploads.remove(id, client.name);
      return reply.code(204).send();
    },
  });
}

/** Yields bytes whose number was announced, and throws if there are more or fewer. */
async function* exactly(body: AsyncIterable<Uint8Array>, announced: number): AsyncGenerator<Uint8Array> {
  let left = announced;
  for await (const part of body) {
    if (part.length > left) throw otherLength(announced, "more");
    left -= part.length;
    yield part;
  }
  if (left > 0) throw otherLength(announced, String(announced - left));
}

const otherLength = (announced: number, found: string) =>
  serviceError("UPLOAD_INVALID", `Content-Range names ${announced} bytes, but the body has ${found}`);

const shown = ({ id, name, bytes, received, sha256, isComplete }: Upload): Checked<typeof shownUpload> => ({
  id,
  name,
  bytes,
  received,
  sha256,
  complete: isComplete,
});
