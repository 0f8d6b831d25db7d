import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { readRecipe } from "../../../src/base-image/recipe.js";
import { findOrBuildBaseImage } from "../../../src/build/build-base-image.js";
import { connectEngine } from "../../../src/docker/engine.js";
import { withFileLock } from "../../../src/download/file-lock.js";
import { FileServer, json, status } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";

test("a build that starts while another one makes the base image waits for it and uses that image", async () => {
  const server = await FileServer.start();
  onTestFinished(() => server.stop());
  const { imageName } = await readRecipe("cpu");
  const answers = [`/images/${imageName}/json`, `/images/${encodeURIComponent(imageName)}/json`];
  server.on("/version", json({ Version: "99.1" }));
  for (const path of answers) server.on(path, status(404));
  const cacheFolder = scratchFolder();
  mkdirSync(join(cacheFolder, "base-image"));

  let found: ReturnType<typeof findOrBuildBaseImage> | undefined;
  const engine = await connectEngine({ DOCKER_HOST: `tcp://127.0.0.1:${server.port}` }, neverStopped());
  await withFileLock(
    join(cacheFolder, "base-image", "cpu.lock"),
    async () => {
      await new Promise<void>((waits) => {
        const progress = { ...silentProgress, note: () => waits() };
        found = findOrBuildBaseImage({
          engine,
          variant: "cpu",
          gpuArchitectures: [],
          leftOut: [],
          findIndex: async () => null,
          cacheFolder,
          progress,
          signal: neverStopped(),
        });
      });
      const made = { Id: "sha256:0123", Size: 1, Config: {}, Os: "linux", Architecture: "amd64" };
      for (const path of answers) server.on(path, json(made));
    },
    { signal: neverStopped() },
  );
  expect(await found).toMatchObject({ imageName, imageId: "sha256:0123" });
  expect(server.requests.filter(({ path }) => path === "/build")).toEqual([]);
});
