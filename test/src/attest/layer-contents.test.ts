import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { type LayerContents, mergeLayers, readLayerContents } from "../../../src/attest/layer-contents.js";
import { tarEnd, tarHeader, tarPadding } from "../../../src/oci/tar-header.js";

type Texts = Readonly<Record<string, string>>;

async function* tarOf(texts: Texts): AsyncGenerator<Uint8Array> {
  for (const [path, text] of Object.entries(texts)) {
    const bytes = Buffer.from(text);
    yield tarHeader({ path, kind: "file", mode: 0o644, sizeBytes: bytes.length, time: new Date(0) });
    yield bytes;
    yield tarPadding(bytes.length);
  }
  yield tarEnd();
}

const layer = (texts: Texts): Promise<LayerContents> => readLayerContents(tarOf(texts));

test("keeps the texts that name packages and the digests of the model's files, nothing else", async () => {
  const weights = "weights";
  const found = await layer({
    "./var/lib/dpkg/status.d/libc6": "Package: libc6\n",
    "opt/app/node_modules/@scope/reader/package.json": "{}",
    "opt/app/node_modules/reader/lib/package.json": "{}",
    "opt/nnunet-processor/model/fold_0.weights": weights,
    "etc/passwd": "root:x:0:0::/:/bin/sh\n",
  });
  expect(found).toEqual({
    texts: {
      "var/lib/dpkg/status.d/libc6": "Package: libc6\n",
      "opt/app/node_modules/@scope/reader/package.json": "{}",
    },
    files: {
      "opt/nnunet-processor/model/fold_0.weights": {
        sizeBytes: weights.length,
        sha256: createHash("sha256").update(weights).digest("hex"),
        sha1: createHash("sha1").update(weights).digest("hex"),
      },
    },
    removed: [],
    emptied: [],
  });
});

test("a later layer replaces, removes and empties files and folders of earlier ones", async () => {
  const packageJson = (name: string) => `opt/app/node_modules/${name}/package.json`;
  const below = await layer({
    [packageJson("kept")]: "1",
    [packageJson("replaced")]: "1",
    [packageJson("removed")]: "1",
    "var/lib/dpkg/status.d/gone": "1",
  });
  const above = await layer({
    [packageJson("replaced")]: "2",
    "opt/app/node_modules/.wh.removed": "",
    "var/lib/dpkg/status.d/.wh..wh..opq": "",
    "var/lib/dpkg/status.d/new": "2",
  });
  expect(mergeLayers([below, above]).texts).toEqual({
    [packageJson("kept")]: "1",
    [packageJson("replaced")]: "2",
    "var/lib/dpkg/status.d/new": "2",
  });
});

const statusHeader = (path: string, sizeBytes: number): Uint8Array =>
  tarHeader({ path, kind: "file", mode: 0o644, sizeBytes, time: new Date(0) });

test("a package list longer than any real one is refused, not stored", async () => {
  async function* huge() {
    yield statusHeader("var/lib/dpkg/status", 1 << 30);
  }
  await expect(readLayerContents(huge())).rejects.toMatchObject({ code: "IMAGE_FILE_INVALID" });
});

test("package lists with an excessive total size are refused", async () => {
  const list = Buffer.alloc(8 << 20, "\n");
  async function* endless() {
    for (let i = 0; ; i++) {
      yield statusHeader(`var/lib/dpkg/status.d/${i}`, list.length);
      yield list;
    }
  }
  await expect(readLayerContents(endless())).rejects.toMatchObject({ code: "IMAGE_FILE_INVALID" });
});
