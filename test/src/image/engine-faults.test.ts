import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { buildImage } from "../../../src/docker/build-image.js";
import { connectEngine } from "../../../src/docker/engine.js";
import { findOrPullImage } from "../../../src/docker/find-image.js";
import { saveImage } from "../../../src/docker/save-image.js";
import { needs, testWith } from "../../support/needs.js";
import { type Answer, FileServer, json, status } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";
import { testPlan } from "../../support/oci/test-plan.js";

const lines = (...events: readonly object[]): Answer =>
  status(200, {}, events.map((event) => `${JSON.stringify(event)}\r\n`).join(""));

describe("without an engine that can be used", () => {
  test("a host where nothing listens is ENGINE_MISSING, naming the address", async () => {
    const host = "tcp://127.0.0.1:9";
    await expect(connectEngine({ DOCKER_HOST: host }, neverStopped())).rejects.toMatchObject({
      code: "ENGINE_MISSING",
      message: expect.stringContaining(host),
    });
  });

  test("a socket that does not exist is ENGINE_MISSING", async () => {
    const environment = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };
    await expect(connectEngine(environment, neverStopped())).rejects.toMatchObject({
      code: "ENGINE_MISSING",
    });
  });

  testWith([needs.posix], "a socket that this user is not allowed to open is ENGINE_FORBIDDEN", async () => {
    const folder = mkdtempSync(join(tmpdir(), "engine-"));
    const socket = join(folder, "docker.sock");
    const server = createServer().listen(socket);
    await once(server, "listening");
    chmodSync(folder, 0o755);
    chmodSync(socket, 0o600);
    // Root may open every socket.
    const isRoot = process.geteuid?.() === 0;
    try {
      if (isRoot) process.seteuid?.(65534);
      else chmodSync(socket, 0);
      await expect(connectEngine({ DOCKER_HOST: `unix://${socket}` }, neverStopped())).rejects.toMatchObject({
        code: "ENGINE_FORBIDDEN",
        message: expect.stringContaining(socket),
      });
    } finally {
      if (isRoot) process.seteuid?.(0);
      server.close();
      rmSync(folder, { recursive: true });
    }
  });
});

describe("a failure that an engine reports", () => {
  let server: FileServer;
  const engine = () => connectEngine({ DOCKER_HOST: `tcp://127.0.0.1:${server.port}` }, neverStopped());
  const build = async () =>
    buildImage({
      engine: await engine(),
      plan: testPlan(),
      progress: silentProgress,
      signal: neverStopped(),
    });

  beforeEach(async () => {
    server = await FileServer.start();
    server.on("/version", json({ Version: "99.1" }));
    server.on("/images/json", json([]));
  });

  afterEach(() => server.stop());

  test("is described with version and address", async () => {
    expect((await engine()).description).toBe(`Docker 99.1 at tcp://127.0.0.1:${server.port}`);
  });

  test("as an error line inside an answer of status 200 is IMAGE_BUILD_FAILED with Docker's message and the step", async () => {
    server.on(
      "/build",
      lines(
        { stream: 'Step 2/9 : COPY ["first/", "/"]\n' },
        { error: "layer does not exist", errorDetail: {} },
      ),
    );
    await expect(build()).rejects.toMatchObject({
      code: "IMAGE_BUILD_FAILED",
      message: expect.stringMatching(/COPY \["first\/", "\/"\].*layer does not exist/),
    });
  });

  describe("an image that has vanished from the engine's cache", () => {
    const gone = lines(
      { stream: 'Step 2/9 : COPY ["first/", "/"]\n' },
      { error: `unable to find image "sha256:${"0".repeat(64)}"` },
    );
    const builds = () => server.requests.filter(({ path }) => path === "/build").length;

    test("makes the build start again, with a note", async () => {
      server.on("/build", gone, lines({ stream: "Step 1/1 : FROM base:1\n ---> 0123456789ab\n" }));
      server.on("/images/0123456789ab/tag", status(201));
      const inspected = {
        Id: "sha256:0123456789ab",
        Size: 1,
        Config: {},
        Os: "linux",
        Architecture: "amd64",
      };
      server.on("/images/nnunet-processor-test/plan:1/json", json(inspected));
      server.on("/images/nnunet-processor-test%2Fplan%3A1/json", json(inspected));
      const notes: string[] = [];
      const progress = { ...silentProgress, note: (line: string) => void notes.push(line) };
      const built = await buildImage({
        engine: await engine(),
        plan: testPlan(),
        progress,
        signal: neverStopped(),
      });
      expect(built.steps).toEqual([{ instruction: "FROM base:1", isCached: false }]);
      expect(notes).toEqual([expect.stringMatching(/plan:1 again: .*cache/)]);
      expect(builds()).toBe(2);
    });

    test("again and again is IMAGE_BUILD_FAILED in the end", async () => {
      server.on("/build", gone);
      await expect(build()).rejects.toMatchObject({
        code: "IMAGE_BUILD_FAILED",
        message: expect.stringContaining("unable to find image"),
      });
      expect(builds()).toBe(10);
    });
  });

  test.each([
    { name: "inside the answer", answer: lines({ error: "write /x: no space left on device" }) },
    {
      name: "as the answer",
      answer: status(500, {}, JSON.stringify({ message: "write /y: no space left on device" })),
    },
  ])("as a full disk $name is ENGINE_DISK_FULL", async ({ answer }) => {
    server.on("/build", answer);
    await expect(build()).rejects.toMatchObject({
      code: "ENGINE_DISK_FULL",
      message: expect.stringContaining("no space left on device"),
    });
  });

  test("is IMAGE_BUILD_FAILED if the engine then goes away", async () => {
    server.on("/build", (request, response) => {
      request.resume();
      request.on("end", () => {
        response
          .writeHead(200)
          .write(`${JSON.stringify({ stream: "Step 1/9 : FROM base:1\n" })}\n`, () =>
            response.socket?.destroy(),
          );
      });
    });
    await expect(build()).rejects.toMatchObject({ code: "IMAGE_BUILD_FAILED" });
  });

  test("for a base image that it neither has nor can pull is BASE_IMAGE_MISSING with the reason", async () => {
    server.on("/images/create", lines({ error: "manifest for base:1 not found" }));
    const pull = findOrPullImage({
      engine: await engine(),
      imageName: "base:1",
      progress: silentProgress,
      signal: neverStopped(),
    });
    await expect(pull).rejects.toMatchObject({
      code: "BASE_IMAGE_MISSING",
      message: expect.stringMatching(/base:1.*manifest for base:1 not found/),
    });
  });

  test("is EXPORT_FAILED if it cannot save an image", async () => {
    server.on("/images/x%3A1/get", status(500, {}, JSON.stringify({ message: "driver failed" })));
    server.on("/images/x:1/get", status(500, {}, JSON.stringify({ message: "driver failed" })));
    await expect(saveImage(await engine(), "x:1").next()).rejects.toMatchObject({
      code: "EXPORT_FAILED",
      message: expect.stringContaining("driver failed"),
    });
  });

  test("ends if a file of the context cannot be read, and the file is named", async () => {
    server.on("/build", (request) => void request.resume());
    const missing = "/nonexistent/fold_0.weights";
    const plan = testPlan({
      layers: [
        {
          name: "fold_0",
          entries: [{ kind: "file", path: "opt/fold_0.weights", source: { file: missing }, mode: 0o644 }],
        },
      ],
    });
    const building = buildImage({
      engine: await engine(),
      plan,
      progress: silentProgress,
      signal: neverStopped(),
    });
    await expect(building).rejects.toThrow(missing);
  });
});
