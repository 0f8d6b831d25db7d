import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { repositoryRoot } from "../../support/golden.js";
import { hex, modelZip } from "../../support/model/model-zip.js";
import { FileServer, file, json } from "../../support/network/file-server.js";
import { ForwardProxy } from "../../support/network/forward-proxy.js";
import { selfSignedCertificate } from "../../support/network/self-signed-certificate.js";

const program = join(repositoryRoot, "dist", "test", "support", "archive", "obtain-archive.js");
const zip = modelZip(2_000_000);
const below = "Dataset001_Test/nnUNetTrainer__nnUNetPlans__3d_fullres";
const contents = [
  `${below}/fold_0/checkpoint_final.pth`,
  `${below}/fold_1/checkpoint_final.pth`,
  `${below}/plans.json`,
];

let folder = "";
const stops: (() => Promise<void>)[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "download-processes-"));
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  await rm(folder, { recursive: true, force: true });
});

async function startServer(tls: { key: string; cert: string } | null = null): Promise<FileServer> {
  const server = await FileServer.start(tls);
  stops.push(() => server.stop());
  return server;
}

async function startProxy(password: string | null = null): Promise<ForwardProxy> {
  const proxy = await ForwardProxy.start(password);
  stops.push(() => proxy.stop());
  return proxy;
}

function start(args: readonly string[], environment: Record<string, string> = {}): ChildProcess {
  const { PATH = "" } = process.env; // no proxy settings of the machine
  return spawn(process.execPath, [program, ...args], {
    env: { PATH, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
}

async function result(child: ChildProcess): Promise<unknown> {
  let text = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  await once(child, "close");
  return text === "" ? null : JSON.parse(text);
}

const run = (args: readonly string[], environment: Record<string, string> = {}) =>
  result(start(args, environment));

describe("two processes that need the same archive", () => {
  test("download it once", async () => {
    const server = await startServer();
    server.on("/model.zip", file(zip, { msPerChunk: 10 }));
    const address = server.url("/model.zip").href;
    const both = await Promise.all([run([address, folder]), run([address, folder])]);
    expect(both).toEqual([contents, contents]);
    const transfers = server.requests.filter(({ ifNoneMatch }) => ifNoneMatch === null);
    expect(transfers).toHaveLength(1);
  });

  test("do not wait for one that was killed, and continue its download", async () => {
    const server = await startServer();
    server.on("/model.zip", file(zip, { stallAfter: 1_500_000 }), file(zip));
    const address = server.url("/model.zip").href;
    const first = start([address, folder]);
    await partOf(folder, 1_000_000);
    first.kill("SIGKILL");
    await once(first, "close");
    expect(await readdir(join(folder, "locks"))).toHaveLength(1);
    const began = performance.now();
    expect(await run([address, folder])).toEqual(contents);
    expect(performance.now() - began).toBeLessThan(14_000); // a lock of another host is waited for 15 s
    expect(server.requests[1]?.range).toMatch(/^bytes=1\d{6}-$/);
    expect(await readdir(join(folder, "locks"))).toEqual([]);
  });
});

describe("behind a proxy", () => {
  test("https uses the tunnel of https_proxy, and trusts only configured certificates", async () => {
    const tls = selfSignedCertificate(["models.test"]);
    const server = await startServer(tls);
    const proxy = await startProxy();
    server.on("/model.zip", file(zip));
    const address = `https://models.test:${server.port}/model.zip`;
    const environment = { https_proxy: `http://127.0.0.1:${proxy.port}` };
    expect(await run([address, folder], environment)).toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining("NODE_EXTRA_CA_CERTS"),
    });
    const certificate = join(folder, "authority.pem");
    await writeFile(certificate, tls.cert);
    const trusting = { ...environment, NODE_EXTRA_CA_CERTS: certificate };
    expect(await run([address, folder], trusting)).toEqual(contents);
    expect(proxy.tunnels).toEqual([`models.test:${server.port}`, `models.test:${server.port}`]);
  });

  test("a redirect to another host uses it as well", async () => {
    const tls = selfSignedCertificate(["models.test", "files.test"]);
    const server = await startServer(tls);
    const proxy = await startProxy();
    server.on(
      "/model.zip",
      (_request, response) =>
        void response.writeHead(302, { location: `https://files.test:${server.port}/file.zip` }).end(),
    );
    server.on("/file.zip", file(zip));
    const certificate = join(folder, "authority.pem");
    await writeFile(certificate, tls.cert);
    const environment = { https_proxy: `http://127.0.0.1:${proxy.port}`, NODE_EXTRA_CA_CERTS: certificate };
    expect(await run([`https://models.test:${server.port}/model.zip`, folder], environment)).toEqual(
      contents,
    );
    expect(proxy.tunnels).toEqual([`models.test:${server.port}`, `files.test:${server.port}`]);
  });

  test("a mirror named by --zenodo-url may be plain http", async () => {
    const server = await startServer();
    const proxy = await startProxy();
    serveRecord(server);
    const mirror = `http://zenodo.test:${server.port}`;
    const environment = { http_proxy: `http://127.0.0.1:${proxy.port}` };
    expect(await run(["zenodo:17/model.zip", folder, mirror], environment)).toEqual(contents);
    expect(new Set(proxy.tunnels)).toEqual(new Set([`zenodo.test:${server.port}`]));
  });

  test("no_proxy is respected", async () => {
    const server = await startServer();
    const proxy = await startProxy();
    server.on("/model.zip", file(zip));
    const environment = { http_proxy: `http://127.0.0.1:${proxy.port}`, no_proxy: "example.org,127.0.0.1" };
    expect(await run([server.url("/model.zip").href, folder], environment)).toEqual(contents);
    expect(proxy.tunnels).toEqual([]);
  });

  test("name and password come from the proxy's address, and it is an error if they are missing", async () => {
    const server = await startServer();
    const proxy = await startProxy("secret");
    server.on("/model.zip", file(zip));
    const address = server.url("/model.zip").href;
    expect(await run([address, folder], { http_proxy: `http://127.0.0.1:${proxy.port}` })).toMatchObject({
      code: "DOWNLOAD_FAILED",
      message: expect.stringContaining("407"),
    });
    expect(
      await run([address, folder], { http_proxy: `http://user:secret@127.0.0.1:${proxy.port}` }),
    ).toEqual(contents);
  });
});

function serveRecord(server: FileServer): void {
  const checksum = `md5:${hex("md5", zip)}`;
  server.on("/api/records/17", json({ files: [{ key: "model.zip", size: zip.length, checksum }] }));
  server.on("/records/17/files/model.zip", file(zip));
}

/** Resolves once an unfinished download has this many bytes. */
async function partOf(cache: string, bytes: number): Promise<void> {
  const { stat } = await import("node:fs/promises");
  for (;;) {
    const names = await readdir(join(cache, "partial")).catch(() => []);
    const part = names.find((name) => name.endsWith(".part"));
    if (part !== undefined && (await stat(join(cache, "partial", part))).size >= bytes) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}
