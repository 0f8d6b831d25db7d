import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { BlobCache } from "../../../src/oci/blob-cache.js";
import { openDockerArchive } from "../../../src/oci/open-docker-archive.js";
import { openOciLayout } from "../../../src/oci/open-oci-layout.js";
import { readImageArchive } from "../../../src/oci/read-image-archive.js";
import { packFiles } from "../../support/archive/tar-folder.js";
import { neverStopped } from "../../support/never-stopped.js";
import { scratchFolder } from "../../support/oci/oci-scratch.js";
import { outputOf } from "../../support/program-on-path.js";

/** Documents that are JSON, but of an unexpected form. */
const strange = ["null", "1", '"x"', "[]", "{}", "[null]", "[[]]", '{"__proto__": 1}', "<html>", ""];

/** Writes an OCI layout of these documents. Replaces `"CONFIG"` and `"MANIFEST"` in them with descriptors. */
function writeLayout(texts: { index: string; manifest: string; config: string }): string {
  const folder = scratchFolder();
  const blobs = join(folder, "blobs", "sha256");
  mkdirSync(blobs, { recursive: true });
  const put = (text: string): string => {
    const hex = createHash("sha256").update(text).digest("hex");
    writeFileSync(join(blobs, hex), text);
    return JSON.stringify({ mediaType: "x", digest: `sha256:${hex}`, size: text.length });
  };
  const manifest = texts.manifest.replaceAll('"CONFIG"', put(texts.config));
  writeFileSync(join(folder, "index.json"), texts.index.replaceAll('"MANIFEST"', put(manifest)));
  return folder;
}

const right = {
  index: '{"schemaVersion": 2, "manifests": ["MANIFEST"]}',
  manifest: '{"schemaVersion": 2, "config": "CONFIG", "layers": []}',
  config: '{"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}',
};

describe("an OCI layout", () => {
  test("of the right form is opened", async () => {
    expect(await openOciLayout(writeLayout(right))).toMatchObject({ architecture: "amd64", layers: [] });
  });

  test.each([
    ...strange.map((index) => ({ index })),
    ...strange.map((manifest) => ({ manifest })),
    ...strange.map((config) => ({ config })),
    { index: '{"manifests": {}}' },
    { index: '{"manifests": [{"digest": "sha256:x"}]}' },
    { manifest: '{"config": "CONFIG", "layers": {}}' },
    { manifest: '{"config": null, "layers": []}' },
    { manifest: '{"config": "CONFIG", "layers": [1]}' },
    { config: '{"rootfs": {"diff_ids": 5}}' },
    { config: '{"rootfs": {"diff_ids": []}, "config": {"Env": "A=B"}}' },
  ])("of the form %j is refused as such", async (changed) => {
    await expect(openOciLayout(writeLayout({ ...right, ...changed }))).rejects.toMatchObject({
      code: "IMAGE_FILE_INVALID",
    });
  });

  test("whose index is a FIFO is not waited for", async () => {
    const folder = scratchFolder();
    await outputOf("mkfifo", join(folder, "index.json"));
    await expect(openOciLayout(folder)).rejects.toMatchObject({ code: "IMAGE_FILE_INVALID" });
  });
});

async function writeArchive(manifest: string, config: string): Promise<string> {
  const folder = scratchFolder();
  writeFileSync(join(folder, "manifest.json"), manifest);
  writeFileSync(join(folder, "config.json"), config);
  const archive = join(folder, "image.tar");
  await packFiles(folder, archive, ["manifest.json", "config.json"]);
  return archive;
}

const goodManifest = '[{"Config": "config.json", "RepoTags": null, "Layers": []}]';

describe("a docker archive", () => {
  test.each([
    ...strange.map((manifest) => [manifest, right.config]),
    ...strange.map((config) => [goodManifest, config]),
    ['[{"Config": "config.json", "Layers": [[]]}]', right.config],
    ['[{"Config": ["config.json"], "Layers": []}]', right.config],
    ['[{"Config": "config.json", "RepoTags": 1, "Layers": []}]', right.config],
    ['[{"Config": "config.json", "Layers": ["../../etc/passwd"]}]', right.config],
  ] as [string, string][])(
    "with manifest %j and configuration %j is refused as such",
    async (manifest, config) => {
      const archive = await writeArchive(manifest, config);
      const cache = await BlobCache.open(join(scratchFolder(), "cache"));
      await expect(openDockerArchive(archive, { cache, signal: neverStopped() })).rejects.toMatchObject({
        code: "IMAGE_FILE_INVALID",
      });
      // Only this reader searches the contents of layers.
      if (manifest !== '[{"Config": "config.json", "Layers": ["../../etc/passwd"]}]')
        await expect(readImageArchive(archive, "x")).rejects.toMatchObject({ code: "IMAGE_FILE_INVALID" });
    },
  );

  test("of the right form is opened", async () => {
    const archive = await writeArchive(goodManifest, right.config);
    const cache = await BlobCache.open(join(scratchFolder(), "cache"));
    expect(await openDockerArchive(archive, { cache, signal: neverStopped() })).toMatchObject({ layers: [] });
  });
});
