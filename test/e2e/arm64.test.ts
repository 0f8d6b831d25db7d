import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import got from "got";
import { expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readTar } from "../../processor/files/tar/read-tar.js";
import { indexFinder } from "../../src/base-image/python-index.js";
import { readRecipe } from "../../src/base-image/recipe.js";
import { recipeBase } from "../../src/base-image/recipe-base.js";
import { cacheFolder } from "../../src/model-source/cache-folder.js";
import { BlobCache } from "../../src/oci/blob-cache.js";
import { documentBlob, textOf } from "../../src/oci/document-blob.js";
import type { ImageConfig } from "../../src/oci/oci-shapes.js";
import { type LayerBlob, mediaTypes, type OciImage } from "../../src/oci/oci-types.js";
import { openOciLayout } from "../../src/oci/open-oci-layout.js";
import { pushToRegistry } from "../../src/oci/registry/push-to-registry.js";
import { goldenPath } from "../support/golden.js";
import { describeWith, needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { usualRegistrySettings } from "../support/oci/registry-settings.js";
import { testPlan } from "../support/oci/test-plan.js";
import { startRegistry } from "../support/oci/test-registry.js";
import { outputOf } from "../support/program-on-path.js";
import { runProgram } from "../support/programs/run-program.js";

const timeout = 600_000;
const platforms = ["linux/amd64", "linux/arm64"] as const;
type Platform = (typeof platforms)[number];

/** A base image that declares its architecture. */
async function baseFor(platform: Platform, scratch: string, imageName = "base:1"): Promise<OciImage> {
  const base = { kind: "root-file-system", archive: await smallRootFileSystem(scratch) } as const;
  const plan = testPlan({ imageName, base, platform, env: { MACHINE: platform } });
  return await assemble(plan, join(scratch, "base-cache"));
}

/** Writes an index with both base images, as registries keep multi-platform images. */
async function pushIndex(host: string, scratch: string): Promise<void> {
  const manifests = [];
  for (const platform of platforms) {
    const architecture = platform.slice("linux/".length);
    const image = await baseFor(platform, scratch, `${host}/team/base:${architecture}`);
    await pushToRegistry(image, null, {
      ...{ registries: usualRegistrySettings, environment: {}, progress: silentProgress },
      signal: neverStopped(),
    });
    manifests.push({ ...image.manifest.descriptor, platform: { os: "linux", architecture } });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.index, manifests };
  await got.put(`http://${host}/v2/team/base/manifests/1`, {
    headers: { "content-type": mediaTypes.index },
    body: await textOf(documentBlob(mediaTypes.index, index).open()),
  });
}

const inFolder = (cwd: string) => ({
  cwd,
  environment: { XDG_CACHE_HOME: join(cwd, "cache"), DOCKER_HOST: "tcp://127.0.0.1:9" },
});

const model = goldenPath("v2", "blobs_3d_fullres", "model");

describeWith([needs.registry], "--platform linux/arm64", () => {
  test("takes the arm64 image from the base's index, and adds the same layers as for amd64", {
    timeout,
  }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    await pushIndex(host, cwd);
    const images: OciImage[] = [];
    for (const platform of platforms) {
      const name = platform.slice("linux/".length);
      const flags = ["--model-dir", model, "--base-image", `${host}/team/base:1`, "--export", "--no-attest"];
      const run = await runProgram(
        [...flags, "--tag", `team/blobs:${name}`, "--platform", platform],
        inFolder(cwd),
      );
      expect(run.exitCode, run.err).toBe(0);
      const layout = join(cwd, name);
      await outputOf("mkdir", layout);
      await outputOf("tar", "-xzf", join(cwd, `team-blobs-${name}.tar.gz`), "-C", layout);
      images.push(await openOciLayout(layout, { platform }));
    }
    const [amd64, arm64] = images as [OciImage, OciImage];
    const config = JSON.parse(await textOf(arm64.config.open())) as ImageConfig;
    expect(config.architecture).toBe("arm64");
    expect(config.config?.Env).toContain("MACHINE=linux/arm64");
    expect(arm64.layers.map(({ diffId }) => diffId)).toEqual(amd64.layers.map(({ diffId }) => diffId));
    const locks = JSON.parse(readFileSync(join(cwd, "processor.lock.json"), "utf8")) as {
      readonly baseImages: object;
    };
    expect(Object.keys(locks.baseImages)).toHaveLength(1); // the index, which serves both
  });

  test("refuses a base image that exists only for amd64", { timeout }, async () => {
    const cwd = scratchFolder();
    const { host } = await startRegistry({ folder: join(cwd, "registry") });
    await pushIndex(host, cwd);
    const flags = ["--model-dir", model, "--export", "--platform", "linux/arm64"];
    const run = await runProgram([...flags, "--base-image", `${host}/team/base:amd64`], inFolder(cwd));
    expect(run.exitCode).toBe(5);
    expect(run.err).toMatch(/BASE_IMAGE_MISSING.*is for linux\/amd64, not linux\/arm64/);
  });
});

test("the recipe's own base for arm64 has Node, ONNX Runtime and OpenVINO for arm64, in the same versions as for amd64", {
  timeout,
}, async () => {
  const scratch = scratchFolder();
  const debian = await baseFor("linux/arm64", scratch);
  const config = JSON.parse(await textOf(debian.config.open())) as ImageConfig;
  const base = await recipeBase({
    variant: "cpu",
    platform: "linux/arm64",
    gpuArchitectures: [],
    leftOut: [],
    findIndex: indexFinder(process.env, neverStopped()),
    debianDigest: null,
    cache: await BlobCache.open(join(scratch, "cache")),
    cacheFolder: cacheFolder(process.env),
    pull: () =>
      Promise.resolve({
        manifestDigest: null,
        config,
        layers: debian.layers,
        digest: debian.manifest.descriptor.digest,
      }),
    progress: silentProgress,
    signal: neverStopped(),
  });
  const machines: Record<string, number> = {};
  for (const layer of base.layers.slice(debian.layers.length))
    for await (const { path, bytes } of readTar(unframed(layer))) {
      if (!/\/bin\/node$|\.node$|\.so[.\d]*$/.test(path)) continue;
      for await (const chunk of bytes) machines[path] ??= Buffer.from(chunk).readUInt16LE(18);
    }
  const aarch64 = 183; // e_machine of ELF
  for (const file of [
    /\/bin\/node$/,
    /onnxruntime.*\.node$/,
    /libopenvino_c\.so/,
    /libopenvino_arm_cpu_plugin\.so$/,
  ])
    expect(Object.keys(machines)).toContainEqual(expect.stringMatching(file));
  expect(new Set(Object.values(machines))).toEqual(new Set([aarch64]));
  const { versions: amd64 } = await readRecipe("cpu");
  const { versions: arm64 } = await readRecipe("cpu", "linux/arm64");
  expect(Object.values(arm64).toSorted()).toEqual(Object.values(amd64).toSorted());
});

async function* unframed(layer: LayerBlob): AsyncGenerator<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of layer.open()) parts.push(part);
  yield gunzipSync(Buffer.concat(parts));
}
