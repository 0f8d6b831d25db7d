import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { exchangeError } from "../errors.js";
import type { QueryLevel } from "../json/query-levels.js";
import type { InstanceStore, StoredInstance } from "../store/instance-store.js";
import { isUid } from "../store/read-instance.js";
import { answerQuery, objectQuery } from "./query.js";
import { framesBody, metadataOf, objectsBody, type StreamedBody } from "./retrieve.js";
import { querySchema, type Retrieved, retrievalSchema, stowSchema } from "./route-schemas.js";
import { stow } from "./stow.js";

export interface DicomWebOptions {
  readonly store: InstanceStore;
  /** The most bytes of one request. */
  readonly maxUploadBytes: number;
  /** Called when a request has stored all objects of a study that its address names. */
  readonly onWholeStudy: (study: string) => void;
}

/** The UIDs in an address. */
interface Place {
  readonly study?: string;
  readonly series?: string;
  readonly instance?: string;
  readonly frames?: string;
}

type PlaceRequest = FastifyRequest<{ Params: Place }>;

const reads = { scope: "read" } as const;
const writes = { scope: "infer" } as const;
const json = "application/dicom+json";
const mostFrames = 10_000;

/** The routes of DICOMweb (PS3.18): STOW-RS, QIDO-RS and WADO-RS below `/dicomweb`. */
export async function addDicomWeb(
  app: FastifyInstance,
  { store, maxUploadBytes, onWholeStudy }: DicomWebOptions,
): Promise<void> {
  await app.register(
    async (web) => {
      for (const type of [/^multipart\/related(?:;|$)/i, /^application\/dicom(?:;|$)/i])
        web.addContentTypeParser(type, (_request, payload, done) => done(null, payload));
      // The schemas describe the routes; the handlers check with the answers of PS3.18.
      web.setValidatorCompiler(() => () => true);
      web.setSerializerCompiler(() => (value) => JSON.stringify(value));
      addStow(web);
      addQueries(web);
      addRetrieval(web);
    },
    { prefix: "/dicomweb" },
  );

  function addStow(web: FastifyInstance): void {
    for (const url of ["/studies", "/studies/:study"])
      web.route<{ Params: Place }>({
        method: "POST",
        url,
        config: writes,
        bodyLimit: maxUploadBytes,
        schema: stowSchema(url),
        async handler(request, reply) {
          const study = uidsOf(request).study || null;
          const { status, body, storedCount } = await stow(request.body as Readable, {
            store,
            study,
            contentType: request.headers["content-type"] ?? "",
            maxBytes: maxUploadBytes,
            addressOf: addressesOf(request),
          });
          // Clients that send a request for each object name the study as well.
          if (study !== null && status === 200 && storedCount > 1) onWholeStudy(study);
          return reply.code(status).type(json).send(jsonBytes(body));
        },
      });
  }

  function addQueries(web: FastifyInstance): void {
    const queries: readonly (readonly [url: string, level: QueryLevel])[] = [
      ["/studies", "study"],
      ["/series", "series"],
      ["/instances", "instance"],
      ["/studies/:study/series", "series"],
      ["/studies/:study/instances", "instance"],
      ["/studies/:study/series/:series/instances", "instance"],
    ];
    for (const [url, level] of queries)
      web.route<{ Params: Place }>({
        method: "GET",
        url,
        config: reads,
        schema: querySchema(url, level),
        async handler(request, reply) {
          const { study, series } = uidsOf(request);
          const parameters = new URL(request.url, "http://localhost").searchParams;
          const query = objectQuery(parameters, { level, study: study || null, series: series || null });
          const { matches, hasMore } = answerQuery(store, query, addressesOf(request));
          if (hasMore) void reply.header("warning", '299 nnunet-processor "there are more results"');
          return reply.type(json).send(jsonBytes(matches));
        },
      });
  }

  function addRetrieval(web: FastifyInstance): void {
    const levels = ["/studies/:study", "/studies/:study/series/:series"] as const;
    const instance = "/studies/:study/series/:series/instances/:instance";
    for (const url of [...levels, instance]) {
      addRoute(web, url, "objects", (request, reply) =>
        sent(reply, objectsBody(objectsAt(request), request.headers.accept ?? "")),
      );
      addRoute(web, `${url}/metadata`, "metadata", (request, reply) =>
        reply.type(json).send(Readable.from(metadataText(objectsAt(request)))),
      );
    }
    addRoute(web, `${instance}/frames/:frames`, "frames", async (request, reply) => {
      const numbers = frameNumbers(request.params.frames ?? "");
      return sent(reply, await framesBody(objectsAt(request)[0]!, numbers, request.headers.accept ?? ""));
    });
  }

  function addRoute(
    web: FastifyInstance,
    url: string,
    what: Retrieved,
    handler: (request: PlaceRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>,
  ): void {
    web.route<{ Params: Place }>({
      method: "GET",
      url,
      config: reads,
      schema: retrievalSchema(url, what),
      handler: async (request, reply) => handler(request, reply),
    });
  }

  /** @throws DICOM_UNKNOWN_OBJECT */
  function objectsAt(request: PlaceRequest): readonly StoredInstance[] {
    const uids = uidsOf(request);
    const found =
      uids.instance !== ""
        ? [store.instance(uids)].filter((one) => one !== null)
        : store
            .seriesOf(uids.study)
            .filter(({ uid }) => uids.series === "" || uid === uids.series)
            .flatMap(({ instances }) => [...instances.values()]);
    if (found.length > 0) return found;
    throw exchangeError("DICOM_UNKNOWN_OBJECT", "there is no object with these UIDs");
  }
}

const sent = (reply: FastifyReply, { contentType, stream }: StreamedBody): FastifyReply =>
  reply.type(contentType).send(stream);

/** Fastify adds a character set to texts, which clients that compare the type as a whole do not expect. */
const jsonBytes = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Sends one object after the other, so that a study of thousands is not in memory at once. */
async function* metadataText(instances: readonly StoredInstance[]): AsyncGenerator<string> {
  let before = "[";
  for (const one of instances) {
    for (const described of await metadataOf([one])) {
      yield `${before}${JSON.stringify(described)}`;
      before = ",";
    }
  }
  yield before === "[" ? "[]" : "]";
}

/** @throws DICOM_QUERY_INVALID for something that is not a UID */
function uidsOf({ params }: PlaceRequest): StoredInstance["uids"] {
  const { study = "", series = "", instance = "" } = params;
  for (const uid of [study, series, instance])
    if (uid !== "" && !isUid(uid))
      throw exchangeError("DICOM_QUERY_INVALID", "the address has something else in the place of a UID");
  return { study, series, instance };
}

/** @throws DICOM_QUERY_INVALID */
function frameNumbers(list: string): readonly number[] {
  const words = list.slice(0, mostFrames * 7).split(",");
  if (words.length > mostFrames || !words.every((word) => /^\d{1,6}$/.test(word)))
    throw exchangeError("DICOM_QUERY_INVALID", "frames are numbers from 1, separated by commas");
  return words.map(Number);
}

/** Returns the addresses of objects as the client of a request sees them. */
function addressesOf({ protocol, host }: FastifyRequest): (uids: StoredInstance["uids"]) => string {
  const root = `${protocol}://${host}/dicomweb/studies`;
  return ({ study, series, instance }) =>
    [
      root,
      study,
      ...(series === "" ? [] : ["series", series]),
      ...(instance === "" ? [] : ["instances", instance]),
    ].join("/");
}
