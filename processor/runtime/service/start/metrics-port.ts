import { createServer, type Server } from "node:http";
import { runtimeError } from "../../errors.js";
import type { Metrics } from "../routes/metrics-routes.js";

/**
 * Opens a port that answers `GET /metrics` and nothing else, without a token.
 *
 * @throws PORT_TAKEN
 */
export async function openMetricsPort(
  { registry }: Metrics,
  { host, port }: { readonly host: string; readonly port: number },
): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      () => response.writeHead(500).end(),
    );
  });
  server.maxConnections = 50;
  server.headersTimeout = 10_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause: NodeJS.ErrnoException) =>
      reject(runtimeError("PORT_TAKEN", `port ${port} cannot be listened on (${cause.code})`, { cause })),
    );
    server.listen(port, host, resolve);
  });
  return server;
}
