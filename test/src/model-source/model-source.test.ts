import { mkdir, mkdtemp, open, readdir, readFile, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FileRange } from "../../../processor/files/zip/byte-range.js";
import type { ModelSource } from "../../../src/model-source/model-source.js";
import {
  openModelSource,
  openSourceContext,
  type SourceContext,
} from "../../../src/model-source/open-model-source.js";
import { UnionSource } from "../../../src/model-source/union-source.js";
import { unpackSource } from "../../../src/model-source/unpack-source.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { hex, modelZip, noise } from "../../support/model/model-zip.js";
import { FileServer, file, json, status } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";
import { RecordedProgress } from "../../support/programs/recorded-progress.js";

const below = "Dataset001_Test/nnUNetTrainer__nnUNetPlans__3d_fullres";
const plans = `${below}/plans.json`;
const stored = `${below}/fold_0/checkpoint_final.pth`;
const deflated = `${below}/fold_1/checkpoint_final.pth`;
const zip = modelZip(300_000);
const contents: Readonly<Record<string, Buffer>> = {
  [stored]: noise(300_000, 1),
  [deflated]: noise(5000, 1),
  [plans]: Buffer.from('{"seed": 1}'),
};

let folder = "";
let server: FileServer;
let progress: RecordedProgress;
let context: SourceContext;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-source-"));
  server = await FileServer.start();
  server.on("/model.zip", file(zip));
  const checksum = `md5:${hex("md5", zip)}`;
  server.on("/api/records/17", json({ files: [{ key: "model.zip", size: zip.length, checksum }] }));
  server.on("/records/17/files/model.zip", file(zip));
  progress = new RecordedProgress();
  context = await newContext();
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function newContext(): Promise<SourceContext> {
  return openSourceContext({
    cacheFolder: join(folder, "cache"),
    progress,
    lockFile: join(folder, "processor.lock.json"),
    zenodoMirror: server.url("/"),
    signal: neverStopped(),
  });
}

async function bytesAt({ file: path, offset, size }: FileRange): Promise<Buffer> {
  const handle = await open(path);
  const bytes = Buffer.alloc(size);
  await handle.read(bytes, 0, size, offset);
  await handle.close();
  return bytes;
}

async function streamed(source: ModelSource, path: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source.open(path)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** The same three files in every kind of source. */
const places: Readonly<Record<string, () => Promise<string>>> = {
  "a folder": async () => {
    for (const [path, bytes] of Object.entries(contents)) {
      await mkdir(join(folder, "model", path, ".."), { recursive: true });
      await writeFile(join(folder, "model", path), bytes);
    }
    return join(folder, "model");
  },
  "a zip file": async () => {
    await writeFile(join(folder, "Model.ZIP"), zip);
    return join(folder, "Model.ZIP");
  },
  "a URL": async () => server.url("/model.zip").href,
  "a Zenodo record": async () => "zenodo:17/model.zip",
  "a Zenodo record with one zip": async () => "zenodo:17",
};

describe.each(Object.keys(places))("a model in %s", (place) => {
  test("lists its files by path, with their sizes", async () => {
    const source = await openModelSource(await places[place]!(), context);
    const files = await source.inventory();
    expect(files.map(({ path, size }) => [path, size])).toEqual([
      [stored, 300_000],
      [deflated, 5000],
      [plans, 11],
    ]);
    await source.close();
  });

  test("returns every file byte for byte, in order and in place", async () => {
    const source = await openModelSource(await places[place]!(), context);
    for (const [path, bytes] of Object.entries(contents)) {
      expect((await streamed(source, path)).equals(bytes)).toBe(true);
      expect((await bytesAt(await source.locate(path))).equals(bytes)).toBe(true);
    }
    await source.close();
  });

  test("names a missing file in the error", async () => {
    const source = await openModelSource(await places[place]!(), context);
    await expect(source.locate("fold_9/x")).rejects.toMatchObject({
      code: expect.stringMatching(/^(?:MODEL_FILE|ARCHIVE)_INVALID$/),
      message: expect.stringContaining("fold_9/x"),
    });
    await source.close();
  });
});

describe("a zip", () => {
  test("is read in place: only deflated files are unpacked, once, into the cache", async () => {
    const path = await places["a zip file"]!();
    const source = await openModelSource(path, context);
    expect((await source.locate(stored)).file).toBe(path);
    const unpacked = await source.locate(deflated);
    expect(await readdir(join(folder, "cache", "files"))).toHaveLength(1);
    await source.close();
    const again = await openModelSource(path, await newContext());
    expect(await again.locate(deflated)).toEqual(unpacked);
    expect(progress.tasks.filter(({ label }) => label.startsWith("unpacking"))).toHaveLength(1);
    await again.close();
  });

  test("that was replaced is not confused with the one that was unpacked", async () => {
    const path = await places["a zip file"]!();
    const source = await openModelSource(path, context);
    await source.locate(deflated);
    await source.close();
    await writeFile(path, modelZip(300_000, 2));
    await utimes(path, 1, 1);
    const other = await openModelSource(path, context);
    expect((await bytesAt(await other.locate(deflated))).equals(noise(5000, 2))).toBe(true);
    await other.close();
  });

  test("with a damaged stored file is refused before any of it is read", async () => {
    const damaged = Buffer.from(zip);
    damaged[damaged.indexOf(contents[stored]!) + 1000]! ^= 1;
    await writeFile(join(folder, "damaged.zip"), damaged);
    const source = await openModelSource(join(folder, "damaged.zip"), context);
    await expect(source.locate(stored)).rejects.toMatchObject({ code: "ARCHIVE_INVALID" });
    await source.close();
  });
});

describe("a folder", () => {
  test("may contain links to files and folders, even to a parent folder", async () => {
    const path = await places["a folder"]!();
    await symlink(join(path, plans), join(path, "plans.json"));
    await symlink(path, join(path, below, "up"));
    await symlink(join(path, "nowhere"), join(path, "broken"));
    const source = await openModelSource(path, context);
    expect((await source.inventory()).map((found) => found.path)).toEqual([
      stored,
      deflated,
      plans,
      "plans.json",
    ]);
  });
});

describe("an address", () => {
  test.each([
    { name: "of a folder that does not exist", address: "nothing-here", code: "MODEL_NOT_FOUND" },
    { name: "of a zip that does not exist", address: "nothing-here.zip", code: "MODEL_NOT_FOUND" },
    { name: "with an unknown scheme", address: "ftp://host/model.zip", code: "SOURCE_INVALID" },
    { name: "of Zenodo without a number", address: "zenodo:model.zip", code: "SOURCE_INVALID" },
    { name: "that is not a URL", address: "https://", code: "SOURCE_INVALID" },
  ])("$name is refused", async ({ address, code }) => {
    await expect(openModelSource(address, context)).rejects.toMatchObject({ code });
  });
});

describe("Zenodo", () => {
  test("is asked for its checksum, and the download is compared with it", async () => {
    server.on("/records/17/files/model.zip", file(modelZip(300_000, 2)));
    await expect(openModelSource("zenodo:17/model.zip", context)).rejects.toMatchObject({
      code: "DOWNLOAD_CORRUPT",
    });
  });

  test("without the file is refused with its files and the most similar name", async () => {
    await expect(openModelSource("zenodo:17/modle.zip", context)).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
      message: expect.stringContaining("Did you mean model.zip?"),
    });
  });

  test.each([
    { name: "without such a record", answer: status(404), code: "SOURCE_NOT_FOUND" },
    { name: "with a restricted record", answer: json({ metadata: {} }), code: "DOWNLOAD_FAILED" },
    { name: "with a page instead of a record", answer: status(200, {}, "<html>"), code: "DOWNLOAD_FAILED" },
    {
      name: "with an invalid checksum",
      answer: json({ files: [{ key: "model.zip", size: 1, checksum: "?" }] }),
      code: "DOWNLOAD_FAILED",
    },
    {
      name: "with an endless answer",
      answer: status(200, {}, `"${"x".repeat(17 * 2 ** 20)}"`),
      code: "DOWNLOAD_FAILED",
    },
  ])("$name is an error", async ({ answer, code }) => {
    server.on("/api/records/17", answer);
    await expect(openModelSource("zenodo:17/model.zip", context)).rejects.toMatchObject({ code });
  });
});

describe("processor.lock.json", () => {
  const lockFile = () => join(folder, "processor.lock.json");

  test("records the digest of the download, by address", async () => {
    await (await openModelSource("zenodo:17/model.zip", context)).close();
    await (await openModelSource(server.url("/model.zip").href, context)).close();
    const locked = { sha256: hex("sha256", zip), size: zip.length };
    const url = server.url("/model.zip").href;
    expect(JSON.parse(await readFile(lockFile(), "utf8"))).toEqual({
      lockVersion: 1,
      sources: { [url]: locked, "zenodo:17/model.zip": locked },
    });
  });

  test("makes a second build work without a network", async () => {
    await (await openModelSource("zenodo:17/model.zip", context)).close();
    const asked = server.requests.length;
    await (await openModelSource("zenodo:17/model.zip", await newContext())).close();
    expect(server.requests).toHaveLength(asked);
  });

  test("refuses other bytes on another machine", async () => {
    await (await openModelSource(server.url("/model.zip").href, context)).close();
    await rm(join(folder, "cache"), { recursive: true });
    server.on("/model.zip", file(modelZip(300_000, 2), { etag: '"v2"' }));
    await expect(openModelSource(server.url("/model.zip").href, await newContext())).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
    });
  });

  test("never contains the secrets of an address", async () => {
    const url = server.url("/model.zip?token=s3cret");
    url.username = "me";
    url.password = "pa55";
    await (await openModelSource(url.href, context)).close();
    expect(await readFile(lockFile(), "utf8")).not.toMatch(/s3cret|pa55/);
    for (const name of await readdir(join(folder, "cache", "origins")))
      expect(await readFile(join(folder, "cache", "origins", name), "utf8")).not.toMatch(/s3cret|pa55/);
  });

  test.each([
    { name: "broken", text: "{" },
    { name: "of another version", text: '{"lockVersion": 2, "sources": {}}' },
    {
      name: "with an invalid digest",
      text: '{"lockVersion": 1, "sources": {"zenodo:17/model.zip": {"sha256": "../../etc", "size": 1}}}',
    },
  ])("is refused when it is $name, before anything is downloaded", async ({ text }) => {
    await writeFile(lockFile(), text);
    await expect(openModelSource("zenodo:17/model.zip", context)).rejects.toMatchObject({
      code: "LOCK_INVALID",
    });
    expect(server.requests).toEqual([]);
  });
});

describe("several archives as one source", () => {
  async function zipFolder(name: string, parts: Readonly<Record<string, string>>): Promise<ModelSource> {
    const path = join(folder, name);
    await writeFile(path, buildZip(Object.entries(parts).map(([entry, data]) => ({ name: entry, data }))));
    return openModelSource(path, context);
  }

  test("are one tree, without duplicates", async () => {
    const parts = [
      await zipFolder("a.zip", { "a/x": "1", "plans.json": "same" }),
      await zipFolder("b.zip", { "b/y": "2", "plans.json": "same" }),
    ];
    const union = await UnionSource.of("both", parts);
    expect((await union.inventory()).map(({ path }) => path)).toEqual(["a/x", "b/y", "plans.json"]);
    expect((await streamed(union, "b/y")).toString()).toBe("2");
    await union.close();
  });

  test("are refused when they contradict each other", async () => {
    const parts = [
      await zipFolder("a.zip", { "plans.json": "one" }),
      await zipFolder("b.zip", { "plans.json": "two" }),
    ];
    await expect(UnionSource.of("both", parts)).rejects.toMatchObject({
      code: "MODEL_AMBIGUOUS",
      message: expect.stringContaining("plans.json"),
    });
    for (const part of parts) await part.close();
  });
});

describe("unpacking", () => {
  test("writes the requested files and keeps existing ones", async () => {
    const source = await openModelSource(await places["a zip file"]!(), context);
    const target = join(folder, "results");
    await unpackSource(source, target, { progress, wanted: ({ path }) => path !== deflated });
    expect((await readFile(join(target, stored))).equals(contents[stored]!)).toBe(true);
    expect(await readdir(join(target, below))).toEqual(["fold_0", "plans.json"]);
    expect(await unpackSource(source, target, { progress })).toEqual([stored, deflated, plans]);
    await source.close();
  });

  test("never replaces another file, and then writes nothing at all", async () => {
    const source = await openModelSource(await places["a zip file"]!(), context);
    const target = join(folder, "results");
    await mkdir(join(target, below), { recursive: true });
    await writeFile(join(target, plans), "mine");
    await expect(unpackSource(source, target, { progress })).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
    expect(await readdir(join(target, below))).toEqual(["plans.json"]);
    await source.close();
  });

  test("leaves nothing half-written when a file is damaged", async () => {
    const damaged = Buffer.from(zip);
    damaged[damaged.indexOf(contents[stored]!) + 1000]! ^= 1;
    await writeFile(join(folder, "damaged.zip"), damaged);
    const source = await openModelSource(join(folder, "damaged.zip"), context);
    await expect(unpackSource(source, join(folder, "results"), { progress })).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
    });
    await expect(readdir(join(folder, "results"))).rejects.toMatchObject({ code: "ENOENT" });
    await source.close();
  });

  test("removes what it has written when a later file is damaged, but nothing that was there before", async () => {
    const damaged = buildZip([
      { name: stored, data: "whole" },
      { name: deflated, data: "damaged", crc: 1 },
    ]);
    await writeFile(join(folder, "damaged.zip"), damaged);
    const target = join(folder, "results");
    await mkdir(join(target, "Dataset001_Test"), { recursive: true });
    await writeFile(join(target, "Dataset001_Test", "notes.txt"), "mine");
    const source = await openModelSource(join(folder, "damaged.zip"), context);
    await expect(unpackSource(source, target, { progress })).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
    });
    expect(await readdir(target, { recursive: true })).toEqual([
      "Dataset001_Test",
      "Dataset001_Test/notes.txt",
    ]);
    await source.close();
  });
});
