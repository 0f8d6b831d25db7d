import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type Progress, silentProgress } from "../../../../processor/contract/progress/progress.js";
import { BlobCache } from "../../../../src/oci/blob-cache.js";
import type { Credentials } from "../../../../src/oci/registry/docker-credentials.js";
import { pullBase } from "../../../../src/oci/registry/pull-base.js";
import { RegistryClient, type RegistryClientOptions } from "../../../../src/oci/registry/registry-client.js";
import { neverStopped } from "../../../support/never-stopped.js";
import { scratchFolder } from "../../../support/oci/oci-scratch.js";

const password: Credentials = { kind: "password", user: "bob", password: "S3CRET-PASSWORD" };
const identityToken: Credentials = { kind: "identity-token", token: "S3CRET-TOKEN" };
const secrets = /S3CRET|Basic|refresh_token/;

interface TestServer {
  readonly host: string;
  /** Everything that the server received: request lines, headers and bodies. */
  readonly received: string[];
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

async function startServer(answer: Answer): Promise<TestServer> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    received.push(`${request.method} ${request.url} ${JSON.stringify(request.headers)}`);
    request.setEncoding("utf8").on("data", (text: string) => received.push(text));
    request.on("end", () => answer(request, response));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

const clientOf = (host: string, options: Partial<RegistryClientOptions> = {}): RegistryClient =>
  new RegistryClient(
    { registry: host, repository: "team/liver" },
    {
      progress: silentProgress,
      credentials: password,
      retry: { attempts: 2, firstDelayMs: 1, maxDelayMs: 2, maxRetryAfterMs: 10 },
      mayWrite: true,
      signal: neverStopped(),
      ...options,
    },
  );

/** Requires a password as a registry does, and issues tokens. */
const asking =
  (host: () => string, scheme: "basic" | "bearer" = "bearer"): Answer =>
  (request, response) => {
    if (request.url?.startsWith("/token")) response.end(JSON.stringify({ token: "t" }));
    else {
      const challenge = scheme === "basic" ? 'Basic realm="x"' : `Bearer realm="http://${host()}/token"`;
      response.writeHead(401, { "www-authenticate": challenge }).end();
    }
  };

const redirectTo =
  (location: () => string, status = 307): Answer =>
  (_, response) => {
    response.writeHead(status, { location: location() }).end();
  };

describe("an address that a registry refers to", () => {
  const visits = ["GET", "HEAD"].flatMap((method) =>
    ([password, identityToken] as const).flatMap((credentials) =>
      (["basic", "bearer"] as const).map((scheme) => ({ method, credentials, scheme }) as const),
    ),
  );

  test.each(visits)(
    "gets no secret by a redirect of $method: $credentials.kind, $scheme",
    async ({ method, credentials, scheme }) => {
      const other: TestServer = await startServer(asking(() => other.host, scheme));
      const { host } = await startServer(redirectTo(() => `http://${other.host}/elsewhere`));
      const client = clientOf(host, { credentials });
      await expect(client.send(client.url("blobs/x"), { method: method as "GET" })).rejects.toMatchObject({
        code: "REGISTRY_FAILED",
        message: expect.stringContaining(`redirects to ${other.host}`),
      });
      expect(other.received.join("\n")).not.toMatch(secrets);
      expect(other.received).toHaveLength(1);
    },
  );

  test.each(["PATCH", "PUT", "GET", "DELETE"] as const)("gets no secret in uploads by %s", async (method) => {
    const other: TestServer = await startServer(asking(() => other.host));
    const { host } = await startServer((_, response) => {
      response.writeHead(202, { location: `http://${other.host}/upload` }).end();
    });
    for (const credentials of [password, identityToken]) {
      const client = clientOf(host, { credentials });
      const begun = await client.send(client.url("blobs/uploads/"), { method: "POST" });
      const body = method === "PATCH" || method === "PUT" ? { body: Buffer.from("layer") } : {};
      await expect(client.send(client.locationOf(begun), { method, ...body })).rejects.toMatchObject({
        code: "REGISTRY_FAILED",
      });
    }
    expect(other.received.join("\n")).not.toMatch(secrets);
  });

  test("gets no token from the registry's own answer", async () => {
    const other: TestServer = await startServer((_, response) => void response.end("bytes"));
    const registry: TestServer = await startServer((request, response) => {
      const isIn = request.headers.authorization === "Bearer t";
      if (isIn) redirectTo(() => `http://${other.host}/blob`)(request, response);
      else asking(() => registry.host)(request, response);
    });
    const client = clientOf(registry.host);
    expect((await client.send(client.url("blobs/x"), { method: "GET" })).status).toBe(200);
    expect(other.received.join("\n")).not.toMatch(/authorization/i);
  });
});

describe("a registry that names a token server", () => {
  test("over plain http on another machine gets no secret", async () => {
    const { host } = await startServer((_, response) => {
      response.writeHead(401, { "www-authenticate": 'Bearer realm="http://192.0.2.1/token"' }).end();
    });
    const client = clientOf(host);
    await expect(client.send(client.url("tags/list"), { method: "GET" })).rejects.toMatchObject({
      code: "REGISTRY_DENIED",
      message: expect.stringContaining("must be an https address"),
    });
  });

  test("on another host is used to sign in, and the user is informed", async () => {
    const tokens: TestServer = await startServer(asking(() => tokens.host));
    const { host } = await startServer((request, response) => {
      if (request.headers.authorization === "Bearer t") response.end();
      else asking(() => tokens.host)(request, response);
    });
    const notes: string[] = [];
    const progress: Progress = { ...silentProgress, note: (line) => notes.push(line) };
    const client = clientOf(host, { progress });
    expect((await client.send(client.url("tags/list"), { method: "GET" })).status).toBe(200);
    expect(notes).toEqual([`signing in to ${host} at its token server ${tokens.host}`]);
  });
});

/** Sends bytes for as long as the client reads them. */
const endless: Answer = (_, response) => {
  const chunk = Buffer.alloc(1 << 20, 0x20);
  const more = (): void => {
    while (!response.destroyed && response.write(chunk));
  };
  response.on("drain", more);
  more();
};

const pull = async (host: string): Promise<unknown> => {
  const cache = await BlobCache.open(join(scratchFolder(), "cache"));
  return pullBase({ client: clientOf(host), reference: "1", platform: "linux/amd64", cache });
};

/**
 * Returns the memory in bytes that the process gains while `action` runs. One 16-MiB answer and its garbage
 * take a few times that.
 */
const mostMemory = 200 << 20;

async function expectBounded(action: () => Promise<void>): Promise<void> {
  const before = process.memoryUsage.rss();
  await action();
  expect(process.memoryUsage.rss() - before).toBeLessThan(mostMemory);
}

describe("an endless answer", () => {
  test("of a registry is refused while it arrives", async () => {
    const { host } = await startServer(endless);
    await expectBounded(() =>
      expect(pull(host)).rejects.toMatchObject({
        code: "REGISTRY_FAILED",
        message: expect.stringContaining("longer than"),
      }),
    );
  });

  test("of a token server is refused while it arrives", async () => {
    const registry: TestServer = await startServer((request, response) => {
      if (request.url?.startsWith("/token")) endless(request, response);
      else asking(() => registry.host)(request, response);
    });
    await expectBounded(() =>
      expect(pull(registry.host)).rejects.toMatchObject({
        code: "REGISTRY_FAILED",
        message: expect.stringContaining("longer than"),
      }),
    );
  });
});

describe("an answer of another form", () => {
  test.each([
    "<html>Please log in</html>",
    "null",
    "[]",
    "{}",
    '{"manifests": {}}',
    '{"manifests": [null]}',
    '{"config": {}, "layers": []}',
    '{"config": null, "layers": null}',
    `{"config": {"mediaType": "x", "digest": "../../../x", "size": 2}, "layers": []}`,
  ])("%s is named as such", async (body) => {
    const { host } = await startServer((_, response) => void response.end(body));
    await expect(pull(host)).rejects.toMatchObject({ code: "REGISTRY_FAILED" });
  });
});

describe("a registry that does not exist", () => {
  test("fails immediately, without a retry", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const notes: string[] = [];
    const progress: Progress = { ...silentProgress, note: (line) => notes.push(line) };
    await expect(clientOf(`127.0.0.1:${port}`, { progress }).check()).rejects.toMatchObject({
      code: "REGISTRY_FAILED",
      message: `nothing listens at 127.0.0.1:${port}`,
    });
    expect(notes).toEqual([]);
  });

  test("is reported once for requests that fail together", async () => {
    const { host } = await startServer((_, response) => void response.writeHead(503).end());
    const notes: string[] = [];
    const progress: Progress = { ...silentProgress, note: (line) => notes.push(line) };
    const client = clientOf(host, { progress });
    const ask = (name: string) =>
      client.retrying(name, () => client.send(client.url("tags/list"), { method: "GET" }));
    await Promise.allSettled(["a", "b", "c", "d"].map(ask));
    expect(notes).toHaveLength(1);
  });

  test("is asked only ten times if it redirects in a circle", async () => {
    const registry: TestServer = await startServer(redirectTo(() => `http://${registry.host}/again`));
    await expect(clientOf(registry.host).check()).rejects.toMatchObject({ code: "REGISTRY_FAILED" });
    expect(registry.received.length).toBeLessThanOrEqual(11);
  });

  test("is not followed to another protocol", async () => {
    const { host, received } = await startServer(redirectTo(() => "file:///etc/passwd"));
    await expect(clientOf(host).check()).rejects.toMatchObject({ code: "REGISTRY_FAILED" });
    expect(received).toHaveLength(1);
  });
});
