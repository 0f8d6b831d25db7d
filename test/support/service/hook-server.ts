import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { onTestFinished } from "vitest";

/** What a receiver of webhooks has had. */
export interface Received {
  readonly path: string;
  readonly type: string;
  readonly id: string;
  readonly signature: string | undefined;
  readonly body: string;
}

export interface HookServer {
  readonly received: readonly Received[];
  readonly address: string;
}

/** Starts a server that answers with one status after the other, the last one for all others; null is no answer. */
export async function startHook(statuses: readonly (number | null)[]): Promise<HookServer> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { url: path = "", headers } = request;
    const signature = headers["x-signature-256"];
    received.push({
      path,
      type: String(headers["content-type"]),
      id: String(headers["webhook-id"]),
      signature: signature === undefined ? undefined : String(signature),
      body: await text(request),
    });
    const status = statuses[Math.min(received.length, statuses.length) - 1]!;
    if (status !== null) response.writeHead(status, { location: "/elsewhere" }).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { received, address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/end` };
}
