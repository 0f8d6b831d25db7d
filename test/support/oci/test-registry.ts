import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { onTestFinished } from "vitest";

export interface TestRegistry {
  /** `127.0.0.1:<port>` */
  readonly host: string;
  stop(): Promise<void>;
}

export interface TestRegistryOptions {
  readonly folder: string;
  /** Lines of `user:bcrypt`, for Basic authentication. */
  readonly htpasswd?: string;
  /** PEM texts; if they are given, the registry speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Starts Debian's `docker-registry` on a free port of this machine; it is stopped at the end of the test. */
export async function startRegistry({ folder, htpasswd, tls }: TestRegistryOptions): Promise<TestRegistry> {
  mkdirSync(folder, { recursive: true });
  const passwords = join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(passwords, `${htpasswd}\n`);
  const keys = { key: join(folder, "tls.key"), certificate: join(folder, "tls.crt") };
  if (tls !== undefined) {
    writeFileSync(keys.key, tls.key);
    writeFileSync(keys.certificate, tls.cert);
  }
  const config = {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    // The registry chooses a free port itself: one that is chosen beforehand may be taken by then.
    http: { addr: "127.0.0.1:0", ...(tls === undefined ? {} : { tls: keys }) },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: "test", path: passwords } } }),
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(stop);
  return { host: await listeningAt(child.stderr), stop };
}

/** Waits for the address in the registry's log, and discards what is logged later. */
function listeningAt(log: Readable): Promise<string> {
  let said = "";
  return new Promise((resolve, reject) => {
    log.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-10_000);
      const host = /listening on (127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (host !== undefined) resolve(host);
    });
    log.once("close", () => reject(new Error(`docker-registry did not start: ${said}`)));
  });
}

export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/**
 * Starts a proxy for a registry. `fault` answers or breaks the requests for which it returns true; the others are passed
 * on.
 *
 * @param registryHost where the registry is at the moment
 */
export async function startFaultyProxy(registryHost: string | (() => string), fault: Fault): Promise<string> {
  const server = createServer((incoming, response) => {
    if (fault(incoming, response)) return;
    const { method, headers, url } = incoming;
    const host = typeof registryHost === "string" ? registryHost : registryHost();
    const [hostname, port] = host.split(":");
    const onward = request({ hostname, port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
