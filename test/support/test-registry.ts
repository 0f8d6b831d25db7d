import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import got from "got";
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
  readonly port?: number;
  /** PEM texts: then it speaks TLS. */
  readonly tls?: { readonly key: string; readonly cert: string };
}

/** Debian's `docker-registry` on a port of this machine; it ends with the test. */
export async function startRegistry({
  folder,
  htpasswd,
  port,
  tls,
}: TestRegistryOptions): Promise<TestRegistry> {
  mkdirSync(folder, { recursive: true });
  const host = `127.0.0.1:${port ?? (await freePort())}`;
  const passwords = join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(passwords, `${htpasswd}\n`);
  const keys = { key: join(folder, "tls.key"), certificate: join(folder, "tls.crt") };
  if (tls !== undefined) {
    writeFileSync(keys.key, tls.key);
    writeFileSync(keys.certificate, tls.cert);
  }
  const config = {
    version: "0.1",
    log: { level: "error" },
    storage: { filesystem: { rootdirectory: join(folder, "data") } },
    http: { addr: host, ...(tls === undefined ? {} : { tls: keys }) },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: "test", path: passwords } } }),
  };
  writeFileSync(join(folder, "config.yml"), JSON.stringify(config));
  const child = spawn("docker-registry", ["serve", join(folder, "config.yml")], { stdio: "ignore" });
  const ended = once(child, "exit");
  const stop = async () => {
    child.kill("SIGKILL");
    await ended;
  };
  onTestFinished(stop);
  for (let isUp = false; !isUp; ) {
    if (child.exitCode !== null) throw new Error("docker-registry did not start");
    isUp = await got(`${tls === undefined ? "http" : "https"}://${host}/v2/`, {
      throwHttpErrors: false,
      retry: { limit: 0 },
      https: { rejectUnauthorized: false },
    }).then(
      () => true,
      () => wait(20, false),
    );
  }
  return { host, stop };
}

export type Fault = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Stands before a registry; `fault` answers (or breaks) what it returns true for, the rest goes through. */
export async function startFaultyProxy(registryHost: string, fault: Fault): Promise<string> {
  const server = createServer((incoming, response) => {
    if (fault(incoming, response)) return;
    const { method, headers, url } = incoming;
    const [hostname, port] = registryHost.split(":");
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

async function freePort(): Promise<number> {
  const server = createSocketServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
