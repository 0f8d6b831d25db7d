import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { readTar } from "../../processor/files/tar/read-tar.js";
import { buildImage } from "../../src/docker/build-image.js";
import { type ImagePlan, layerFile } from "../../src/image/image-plan.js";
import type { OciImage } from "../../src/oci/oci-types.js";
import { writeDockerArchive } from "../../src/oci/write-image.js";
import { describeWithEngine, removeImage, testEngine } from "../support/docker/docker.js";
import { describeWith, needs } from "../support/needs.js";
import { neverStopped } from "../support/never-stopped.js";
import { writeOciLayout } from "../support/oci/oci-layout.js";
import { assemble, scratchFolder, smallRootFileSystem } from "../support/oci/oci-scratch.js";
import { testPlan, textLayer } from "../support/oci/test-plan.js";
import { outputOf } from "../support/program-on-path.js";

const planOn = (archive: string, imageName: string): ImagePlan =>
  testPlan({
    imageName,
    base: { kind: "root-file-system", archive },
    layers: [
      textLayer("first", { "opt/deep/er/first.txt": "1" }),
      {
        name: "second",
        entries: [
          { kind: "directory", path: "output", mode: 0o777 },
          layerFile("opt/run.sh", { text: "#!" }, 0o755),
        ],
      },
    ],
    entrypoint: ["/bin/ldconfig"],
    command: ["--version"],
  });

const liverImage = async (scratch: string): Promise<OciImage> =>
  assemble(planOn(await smallRootFileSystem(scratch), "team/liver:1"), join(scratch, "cache"));

const uniqueName = () => `nnunet-processor-oci-test/${randomUUID().slice(0, 8)}:1`;

describeWithEngine("the two builders", () => {
  test("give the same files, owners, modes and settings for one plan", { timeout: 600_000 }, async () => {
    const scratch = scratchFolder();
    const archive = await smallRootFileSystem(scratch);
    const [byEngine, embedded] = [uniqueName(), uniqueName()];
    onTestFinished(() => removeImage(byEngine));
    onTestFinished(() => removeImage(embedded));
    await buildImage({
      engine: testEngine(),
      plan: planOn(archive, byEngine),
      progress: silentProgress,
      signal: neverStopped(),
    });
    const image = await assemble(planOn(archive, embedded), join(scratch, "cache"));
    const path = join(scratch, "image.tar.gz");
    const written = await writeDockerArchive({
      image,
      path,
      progress: silentProgress,
      signal: neverStopped(),
    });
    await outputOf("docker", "load", "-q", "-i", path);
    const [one, other] = await Promise.all([settingsOf(byEngine), settingsOf(embedded)]);
    expect(other).toEqual(one);
    expect(await filesOf(embedded)).toEqual(await filesOf(byEngine));
    expect((await testEngine().docker.getImage(embedded).inspect()).Id).toBe(written.configDigest);
    expect(await outputOf("docker", "run", "--rm", "--network", "none", embedded)).toContain("ldconfig");
  });
});

describe("an embedded build", () => {
  test("gives the same digests and bytes in another folder, with another cache, at another time", async () => {
    const scratch = scratchFolder();
    const archive = await smallRootFileSystem(scratch);
    const files = [];
    for (const name of ["a", "b"]) {
      const image = await assemble(planOn(archive, "team/liver:1"), join(scratch, `cache-${name}`));
      const path = join(scratch, `${name}.tar.gz`);
      files.push({
        ...(await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() })),
        path: "",
      });
    }
    expect(files[1]).toEqual(files[0]);
  });

  test("makes a layer once, and again if a file in it changes", async () => {
    const scratch = scratchFolder();
    const file = join(scratch, "weights.bin");
    await writeFile(file, "one");
    const plan = testPlan({
      base: { kind: "root-file-system", archive: await smallRootFileSystem(scratch) },
      layers: [{ name: "weights", entries: [layerFile("model/weights.bin", { file })] }],
    });
    const cache = join(scratch, "cache");
    const digestOf = async () => (await assemble(plan, cache)).layers.at(-1)!.descriptor.digest;
    const first = await digestOf();
    const made = (await stat(join(cache, "blobs", first.slice(7)))).ino;
    expect(await digestOf()).toBe(first);
    expect((await stat(join(cache, "blobs", first.slice(7)))).ino).toBe(made);
    await writeFile(file, "two");
    expect(await digestOf()).not.toBe(first);
  });

  test("notices a damaged layer in the cache, and makes it again the next time", async () => {
    const scratch = scratchFolder();
    const archive = await smallRootFileSystem(scratch);
    const cache = join(scratch, "cache");
    const plan = planOn(archive, "team/liver:1");
    const { digest, size } = (await assemble(plan, cache)).layers.at(-1)!.descriptor;
    await writeFile(join(cache, "blobs", digest.slice(7)), Buffer.alloc(size));
    const path = join(scratch, "out.tar");
    const write = async () =>
      writeDockerArchive({
        image: await assemble(plan, cache),
        path,
        progress: silentProgress,
        signal: neverStopped(),
      });
    await expect(write()).rejects.toMatchObject({ code: "IMAGE_BUILD_FAILED" });
    await expect(stat(path)).rejects.toMatchObject({ code: "ENOENT" });
    expect((await write()).bytes).toBeGreaterThan(0);
  });

  test("can use an exported archive or layout as its base", async () => {
    const scratch = scratchFolder();
    const archive = await smallRootFileSystem(scratch);
    const cache = join(scratch, "cache");
    const below = await assemble(planOn(archive, "team/base:1"), cache);
    await writeDockerArchive({
      image: below,
      path: join(scratch, "base.tar.gz"),
      progress: silentProgress,
      signal: neverStopped(),
    });
    await writeOciLayout(below, join(scratch, "base"));
    const digests = [];
    for (const imageName of [`docker-archive:${scratch}/base.tar.gz`, `oci:${scratch}/base`]) {
      const image = await assemble(testPlan({ base: { kind: "image", imageName } }), join(scratch, "other"));
      expect(image.layers).toHaveLength(below.layers.length + 2);
      digests.push(image.manifest.descriptor.digest);
    }
    expect(digests[1]).toBe(digests[0]);
  });

  test("leaves nothing behind if it is stopped", async () => {
    const scratch = scratchFolder();
    const image = await liverImage(scratch);
    const stop = new AbortController();
    const out = join(scratch, "out");
    const progress = {
      ...silentProgress,
      start: () => ({ advance: () => stop.abort(new Error("stopped")), done: () => {} }),
    };
    const stopped = writeDockerArchive({ image, path: join(out, "i.tar"), progress, signal: stop.signal });
    await expect(stopped).rejects.toThrow("stopped");
    expect(await outputOf("ls", "-A", out)).toBe("");
  });
});

describeWith([needs.skopeo], "skopeo", () => {
  test("reads the archive and the layout, and finds the digests that were reported", async () => {
    const scratch = scratchFolder();
    const image = await liverImage(scratch);
    const path = join(scratch, "image.tar");
    const { manifestDigest } = await writeDockerArchive({
      image,
      path,
      progress: silentProgress,
      signal: neverStopped(),
    });
    const layout = join(scratch, "layout");
    await writeOciLayout(image, layout);
    const found = JSON.parse(await outputOf("skopeo", "inspect", `oci:${layout}`)) as { Digest: string };
    expect(found.Digest).toBe(manifestDigest);
    await outputOf("skopeo", "--insecure-policy", "copy", `docker-archive:${path}`, `oci:${scratch}/copy:1`);
    const config = await outputOf("skopeo", "inspect", "--config", "--raw", `oci:${scratch}/copy:1`);
    expect(JSON.parse(config)).toEqual(JSON.parse(await readFile(blobOf(layout, image.config), "utf8")));
  });
});

describeWith([needs.crane], "crane", () => {
  test("validates the archive", async () => {
    const scratch = scratchFolder();
    const image = await liverImage(scratch);
    const path = join(scratch, "image.tar");
    await writeDockerArchive({ image, path, progress: silentProgress, signal: neverStopped() });
    expect(await outputOf("crane", "validate", "--tarball", path)).toContain("PASS");
  });
});

const blobOf = (layout: string, { descriptor }: { readonly descriptor: { readonly digest: string } }) =>
  join(layout, "blobs", "sha256", descriptor.digest.slice(7));

async function settingsOf(imageName: string): Promise<object> {
  const { Config, Architecture, Os } = await testEngine().docker.getImage(imageName).inspect();
  const { User, Env, Entrypoint, Cmd, WorkingDir, Labels } = Config as Record<string, unknown>;
  return {
    User,
    Env: (Env as string[]).toSorted(),
    Entrypoint,
    Cmd,
    WorkingDir,
    Labels,
    Architecture,
    Os,
  };
}

/** Returns path, kind, mode and size of every file that the image adds, as `docker export` prints them. */
async function filesOf(imageName: string): Promise<readonly string[]> {
  const container = await testEngine().docker.createContainer({ Image: imageName });
  try {
    const scratch = scratchFolder();
    const path = join(scratch, "export.tar");
    await outputOf("docker", "export", "-o", path, container.id);
    const files: string[] = [];
    for await (const { path: name, kind, sizeBytes } of readTar(createReadStream(path)))
      files.push(`${kind} ${name} ${sizeBytes}`);
    const listing = await outputOf("tar", "--numeric-owner", "-tvf", path);
    const modes = listing
      .trim()
      .split("\n")
      .filter((line) => /\s(opt|output|bin)\//.test(line))
      .map((line) => line.replace(/\s\d{4}-\d\d-\d\d \d\d:\d\d\s/, " "));
    return [...files, ...modes].toSorted();
  } finally {
    await container.remove({ force: true });
  }
}
