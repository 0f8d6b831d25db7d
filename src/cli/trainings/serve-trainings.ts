import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { runtimeError } from "../../../processor/runtime/errors.js";
import { serviceError } from "../../../processor/runtime/service/errors.js";
import { openApplication } from "../../../processor/runtime/service/http/open-application.js";
import type { ListedTraining } from "./list-trainings.js";
import { pageScript, pageStyle, trainingsPage } from "./trainings-page.js";

/** Only this machine: the page has no log-in. */
const host = "127.0.0.1";

export interface TrainingsServer {
  /** Such as `http://127.0.0.1:8021/` */
  readonly address: string;
  close(): Promise<void>;
}

export interface ServeTrainingsOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Looks at the trainings as they are now. */
  readonly list: () => Promise<readonly ListedTraining[]>;
  /** Receives an error that is a fault of this program. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * Serves a page that shows trainings and nnU-Net's curves.
 *
 * @throws PORT_TAKEN
 */
export async function serveTrainings({
  port,
  list,
  onTrouble,
}: ServeTrainingsOptions): Promise<TrainingsServer> {
  const app = openApplication({
    maxBodyBytes: 1000,
    maxConnections: 50,
    trustedProxies: 0,
    newRequestId: randomUUID,
    onTrouble,
    sendError: (reply, { body }) => reply.type("application/json").send(body),
  });
  refuseOtherHosts(app);
  app.get("/", async (_, reply) => {
    const page = trainingsPage(await list(), { nowMs: Date.now(), pictureOf });
    return reply.type("text/html; charset=utf-8").header("cache-control", "no-store").send(page);
  });
  app.get("/page.css", (_, reply) => reply.type("text/css; charset=utf-8").send(pageStyle));
  app.get("/page.js", (_, reply) => reply.type("text/javascript; charset=utf-8").send(pageScript));
  app.get("/trainings.json", async (_, reply) =>
    reply.header("cache-control", "no-store").send(await list()),
  );
  app.get("/picture", async (request: FastifyRequest<{ Querystring: { readonly of?: unknown } }>, reply) => {
    const wanted = request.query.of;
    // A path is never taken from the request.
    const training = (await list()).find((one) => nameOf(one) === wanted);
    const bytes =
      training === undefined ? null : await readFile(join(training.path, "progress.png")).catch(() => null);
    if (bytes === null) throw serviceError("ROUTE_UNKNOWN", "there is no such picture");
    return reply.type("image/png").header("cache-control", "no-store").send(bytes);
  });
  await app.listen({ host, port }).catch((cause: NodeJS.ErrnoException) => {
    throw runtimeError("PORT_TAKEN", `port ${port} cannot be listened on (${cause.code})`, { cause });
  });
  const { port: taken } = app.server.address() as AddressInfo;
  return { address: `http://${host}:${taken}/`, close: () => app.close() };
}

const nameOf = ({ dataset, configuration, trainer, plans, fold }: ListedTraining): string =>
  [dataset, configuration, trainer, plans, fold].join("/");

const pictureOf = (training: ListedTraining): string =>
  `/picture?of=${encodeURIComponent(nameOf(training))}&drawn=${Math.round(training.pictureMs ?? 0)}`;

/** A page of another host, whose name leads to this machine, must not read this one. */
function refuseOtherHosts(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ headers }) => {
    if (!/^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d+)?$/.test(headers.host ?? ""))
      throw serviceError("ADDRESS_INVALID", "this page is only for the machine that it runs on");
  });
}
