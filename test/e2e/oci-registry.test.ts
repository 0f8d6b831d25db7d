import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import type { RetryPolicy } from "../../src/download/retry.js";
import { layerFile } from "../../src/image/image-plan.js";
import { assembleImage } from "../../src/oci/assemble-image.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import type { OciImage } from "../../src/oci/oci-types.js";
import { type Credentials, dockerCredentials } from "../../src/oci/registry/docker-credentials.js";
import { parseImageReference } from "../../src/oci/registry/image-reference.js";
import { pullBase } from "../../src/oci/registry/pull-base.js";
import { pushImage } from "../../src/oci/registry/push-image.js";
import { RegistryClient, type RegistryClientOptions } from "../../src/oci/registry/registry-client.js";
import { describeWith, needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { assemble, epoch, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan } from "../support/oci/test-plan.js";
import { type Fault, startFaultyProxy, startRegistry } from "../support/oci/test-registry.js";
import { hasProgram, outputOf } from "../support/program-on-path.js";

/** The user `ann` with the password `secret`, hashed with bcrypt. */
const htpasswd = "ann:$2b$04$hWjAXGdbS2TJO6bS42ceX.zOLr2T/rdYXb2TLDMGC/UeGKc7n1Y/q";
const quick: RetryPolicy = { attempts: 4, firstDelayMs: 5, maxDelayMs: 20, maxRetryAfterMs: 2000 };
const chunkBytes = 64 * 1024;

const clientFor = (imageName: string, options: Partial<RegistryClientOptions> = {}) =>
  new RegistryClient(parseImageReference(imageName), {
    progress: silentProgress,
    credentials: null,
    retry: quick,
    mayWrite: true,
    signal: neverStopped(),
    ...options,
  });

const push = (imageName: string, image: OciImage, options: Partial<RegistryClientOptions> = {}) =>
  pushImage({
    client: clientFor(imageName, options),
    image,
    tag: parseImageReference(imageName).reference,
    mountFrom: options.alsoReads ?? [],
    progress: silentProgress,
    chunkBytes,
  });

async function smallImage(scratch: string): Promise<OciImage> {
  const file = join(scratch, "weights.bin");
  writeFileSync(file, Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3)));
  const archive = await smallRootFileSystem(scratch);
  const layers = [{ name: "weights", entries: [layerFile("opt/weights.bin", { file })] }];
  return await assemble(
    testPlan({ base: { kind: "root-file-system", archive }, layers }),
    join(scratch, "cache"),
  );
}

describeWith([needs.registry], "a push", () => {
  test("gives an image that skopeo finds under its digest, and sends nothing the second time", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const image = await smallImage(scratch);
    const name = `${host}/team/liver:1`;
    const pushed = await push(name, image);
    expect(pushed.sentBytes).toBeGreaterThan(300_000);
    const again = await push(name, image);
    expect(again).toMatchObject({ sentBytes: 0, blobsThere: 3, manifestDigest: pushed.manifestDigest });
    if (hasProgram("skopeo")) {
      const found = await outputOf("skopeo", "inspect", "--tls-verify=false", `docker://${name}`);
      expect((JSON.parse(found) as { Digest: string }).Digest).toBe(pushed.manifestDigest);
    }
    if (hasProgram("crane")) expect(await outputOf("crane", "validate", "--remote", name)).toContain("PASS");
  });

  test("mounts layers that another repository of the registry has", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const image = await smallImage(scratch);
    await push(`${host}/team/base:1`, image);
    const mounted = await push(`${host}/team/liver:1`, image, { alsoReads: ["team/base"] });
    expect(mounted).toMatchObject({ sentBytes: 0, blobsThere: 3 });
  });

  test("continues after 429, 500 and a broken connection, without sending again what has arrived", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    let patches = 0;
    let patchedBytes = 0;
    const fault: Fault = (request, response) => {
      if (request.method !== "PATCH") return false;
      patches += 1;
      if (patches === 2) response.writeHead(429, { "retry-after": "0" }).end();
      else if (patches === 4) response.writeHead(500).end();
      else if (patches === 6) request.socket.destroy();
      else {
        patchedBytes += Number(request.headers["content-length"]);
        return false;
      }
      return true;
    };
    const name = `${await startFaultyProxy(host, fault)}/team/liver:1`;
    const image = await smallImage(scratch);
    const { sentBytes, manifestDigest } = await push(name, image);
    expect(patches).toBeGreaterThan(6);
    expect(patchedBytes).toBe(sentBytes);
    if (hasProgram("skopeo")) {
      const found = await outputOf(
        "skopeo",
        "inspect",
        "--tls-verify=false",
        `docker://${host}/team/liver:1`,
      );
      expect((JSON.parse(found) as { Digest: string }).Digest).toBe(manifestDigest);
    }
  });

  test("continues after the registry has stopped in the middle of an upload and started again", async () => {
    const scratch = scratchFolder();
    const folder = join(scratch, "registry");
    let registry = await startRegistry({ folder });
    let patches = 0;
    let restarted: Promise<void> | null = null;
    const restart = async () => {
      await registry.stop();
      registry = await startRegistry({ folder });
    };
    const proxy = await startFaultyProxy(
      () => registry.host,
      (request) => {
        if (request.method === "PATCH" && ++patches === 3) restarted = restart();
        return false;
      },
    );
    const image = await smallImage(scratch);
    const patient = { ...quick, attempts: 60, firstDelayMs: 50, maxDelayMs: 400 };
    await push(`${proxy}/team/liver:1`, image, { retry: patient });
    expect(restarted).not.toBeNull();
    await restarted;
    expect((await push(`${registry.host}/team/liver:1`, image)).sentBytes).toBe(0);
  });

  test("gives up with the registry's own message if it stays broken, and leaves no tag", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const noSpace = JSON.stringify({ errors: [{ code: "UNKNOWN", message: "no space left on device" }] });
    const proxy = await startFaultyProxy(host, (request, response) => {
      if (request.method !== "PATCH") return false;
      response.writeHead(507).end(noSpace);
      return true;
    });
    const image = await smallImage(scratch);
    await expect(push(`${proxy}/team/liver:1`, image)).rejects.toMatchObject({
      code: "REGISTRY_FAILED",
      message: expect.stringContaining("no space left on device"),
    });
    const cache = await BlobCache.open(join(scratch, "pulled"));
    const missing = pullBase({
      client: clientFor(`${host}/team/liver:1`),
      reference: "1",
      platform: "linux/amd64",
      cache,
    });
    await expect(missing).rejects.toMatchObject({ code: "BASE_IMAGE_MISSING" });
  });

  test("stops when its signal is aborted", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const stop = new AbortController();
    const proxy = await startFaultyProxy(host, (request) => {
      if (request.method === "PATCH") stop.abort(new Error("stopped"));
      return false;
    });
    const stopped = push(`${proxy}/team/liver:1`, await smallImage(scratch), { signal: stop.signal });
    await expect(stopped).rejects.toThrow("stopped");
  });
});

describeWith([needs.registry], "a push to a registry that needs a login", () => {
  const password: Credentials = { kind: "password", user: "ann", password: "secret" };

  test("uses the name and password that docker login has stored", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry"), htpasswd });
    const image = await smallImage(scratch);
    writeFileSync(
      join(scratch, "config.json"),
      JSON.stringify({ auths: { [host]: { auth: Buffer.from("ann:secret").toString("base64") } } }),
    );
    const credentials = await dockerCredentials(host, { DOCKER_CONFIG: scratch });
    expect(credentials).toEqual(password);
    expect((await push(`${host}/team/liver:1`, image, { credentials })).sentBytes).toBeGreaterThan(0);
  });

  test("uses the name and password of a credential helper", async () => {
    const scratch = scratchFolder();
    mkdirSync(join(scratch, "bin"));
    const helper = join(scratch, "bin", "docker-credential-test");
    writeFileSync(
      helper,
      '#!/bin/sh\nread server\necho "{\\"Username\\":\\"ann\\",\\"Secret\\":\\"$server\\"}"\n',
    );
    chmodSync(helper, 0o755);
    writeFileSync(
      join(scratch, "config.json"),
      JSON.stringify({ credHelpers: { "registry.example.org": "test" } }),
    );
    const environment = {
      DOCKER_CONFIG: scratch,
      PATH: `${join(scratch, "bin")}${delimiter}${process.env["PATH"]}`,
    };
    expect(await dockerCredentials("registry.example.org", environment)).toEqual({
      kind: "password",
      user: "ann",
      password: "registry.example.org",
    });
    expect(await dockerCredentials("other.example.org", environment)).toBeNull();
  });

  test("reports a wrong password and a missing one differently", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry"), htpasswd });
    const image = await smallImage(scratch);
    for (const credentials of [null, { ...password, password: "guessed" }])
      await expect(push(`${host}/team/liver:1`, image, { credentials })).rejects.toMatchObject({
        code: "REGISTRY_DENIED",
      });
  });

  test("gets a bearer token for the scopes of the push, and a new one when the first expires", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const scopes: string[][] = [];
    let uses = 0;
    const proxy: string = await startFaultyProxy(host, (request, response) => {
      const url = new URL(request.url ?? "", "http://registry");
      if (url.pathname === "/token") {
        scopes.push(url.searchParams.getAll("scope"));
        const isAnn =
          request.headers.authorization === `Basic ${Buffer.from("ann:secret").toString("base64")}`;
        response.writeHead(isAnn ? 200 : 401).end(JSON.stringify({ token: `token-${scopes.length}` }));
        return true;
      }
      const wanted = `Bearer token-${uses < 6 ? 1 : 2}`;
      if (request.headers.authorization === wanted) {
        uses += 1;
        return false;
      }
      const realm = `Bearer realm="http://${proxy}/token",service="test"`;
      response.writeHead(401, { "www-authenticate": realm }).end();
      return true;
    });
    const image = await smallImage(scratch);
    await push(`${proxy}/team/liver:1`, image, { credentials: password, alsoReads: ["team/base"] });
    expect(scopes[0]).toEqual(["repository:team/liver:pull,push", "repository:team/base:pull"]);
    expect(scopes.length).toBeGreaterThanOrEqual(2);
    expect((await push(`${host}/team/liver:1`, image)).sentBytes).toBe(0);
  });
});

describeWith([needs.registry], "a base in a registry", () => {
  test("is used without downloading its layers when the image is pushed to the same registry", async () => {
    const scratch = scratchFolder();
    const { host } = await startRegistry({ folder: join(scratch, "registry") });
    const below = await smallImage(scratch);
    await push(`${host}/team/base:1`, below);
    const fetched: string[] = [];
    const proxy = await startFaultyProxy(host, (request) => {
      if (request.method === "GET" && request.url?.includes("/blobs/sha256:")) fetched.push(request.url);
      return false;
    });
    const cache = await BlobCache.open(join(scratch, "other-cache"));
    const client = clientFor(`${proxy}/team/base:1`, { mayWrite: false });
    const base = await pullBase({ client, reference: "1", platform: "linux/amd64", cache });
    expect(base.manifestDigest).toBe(below.manifest.descriptor.digest);
    const image = await assembleImage({ plan: testPlan(), base, cache, time: epoch, signal: neverStopped() });
    await push(`${proxy}/team/liver:1`, image, { alsoReads: ["team/base"] });
    expect(fetched).toHaveLength(1); // the configuration
    for await (const _ of image.layers[0]!.open());
    expect(fetched).toHaveLength(2);
  });
});
