import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { defaultIn, indexFinder, pythonIndex } from "../../../src/base-image/python-index.js";
import type { RecipeWheel } from "../../../src/base-image/recipe.js";
import { wheelLayers } from "../../../src/base-image/wheel-layers.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { libraryWith } from "../../support/images/cuda-library.js";
import { FileServer } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";

const scratch = mkdtempSync(join(tmpdir(), "wheel-layers-"));
afterAll(() => rmSync(scratch, { recursive: true }));

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

const wheelBytes = buildZip([
  { name: "nvidia/lib/libthing.so.13", data: "machine code", deflate: true },
  { name: "nvidia/lib/libthing_static.a", data: "not wanted" },
  { name: "thing-1.0.dist-info/License.txt", data: "licence" },
]);

const pin: RecipeWheel = {
  keptCapabilities: null,
  name: "nvidia-thing",
  version: "1.0",
  file: "nvidia_thing-1.0-py3-none-linux.whl",
  sha256: sha256(wheelBytes),
  bytes: wheelBytes.length,
  licence: "LicenseRef-NVIDIA-Proprietary",
  layer: "thing",
  files: {
    "nvidia/lib/libthing.so.13": "/usr/lib/libthing.so.13",
    "thing-1.0.dist-info/License.txt": "/usr/share/doc/thing/copyright",
  },
};

describe("layers from wheels", () => {
  let server: FileServer;
  beforeEach(async () => {
    server = await FileServer.start();
    publish({ ...pin });
  });
  afterEach(() => server.stop());

  function publish({ file, sha256 }: Pick<RecipeWheel, "file" | "sha256">) {
    server.on("/simple/nvidia-thing/", (request, response) => {
      const isAsked = request.headers.accept === "application/vnd.pypi.simple.v1+json";
      response.end(
        isAsked
          ? JSON.stringify({ files: [{ filename: file, url: "../../w/1", hashes: { sha256 } }] })
          : "<html>",
      );
    });
    server.on("/w/1", (_request, response) => void response.end(wheelBytes));
  }

  const optionsIn = (cacheFolder: string, wheelFolder: string | null = null) => ({
    ...{ cacheFolder, wheelFolder, progress: silentProgress },
    findIndex: async () => server.url("/simple"),
    signal: neverStopped(),
  });
  const freshFolder = () => mkdtempSync(join(scratch, "cache-"));

  test("keep only the code of the chosen GPUs in a library, or the whole library if none is chosen", async () => {
    const library = libraryWith([
      [
        { architecture: 80, code: "code for 8.0" },
        { architecture: 86, code: "code for 8.6" },
      ],
    ]);
    const bytes = buildZip([{ name: "ort/provider.so", data: library }]);
    const whole: RecipeWheel = {
      ...pin,
      ...{ sha256: sha256(bytes), bytes: bytes.length, cuttable: ["ort/provider.so"] },
      files: { "ort/provider.so": "/usr/lib/provider.so" },
    };
    publish(whole);
    server.on("/w/1", (_request, response) => void response.end(bytes));
    const options = optionsIn(freshFolder());
    const contents = async (wheel: RecipeWheel) => {
      const [layer] = await wheelLayers([wheel], options);
      const [entry] = layer!.entries;
      return readFileSync((entry as { source: { file: string } }).source.file);
    };
    const cut = await contents({ ...whole, keptCapabilities: ["8.6"] });
    expect(cut.length).toBe(library.length);
    expect(cut.includes("code for 8.6")).toBe(true);
    expect(cut.includes("code for 8.0")).toBe(false);
    expect((await contents(whole)).equals(library)).toBe(true);
  });

  test("contain only the files that the recipe names, with executable libraries", async () => {
    const [layer, ...others] = await wheelLayers([pin], optionsIn(freshFolder()));
    expect(others).toEqual([]);
    expect(layer?.name).toBe("thing");
    const files = layer!.entries.map((entry) => {
      if (entry.kind !== "file" || !("file" in entry.source)) throw new Error("no file");
      return [entry.path, entry.mode, readFileSync(entry.source.file, "utf8")];
    });
    expect(files).toEqual([
      ["usr/lib/libthing.so.13", 0o755, "machine code"],
      ["usr/share/doc/thing/copyright", 0o644, "licence"],
    ]);
  });

  test("use the network only once, and keep nothing of the wheel itself", async () => {
    const cache = freshFolder();
    await wheelLayers([pin], optionsIn(cache));
    const asked = server.requests.length;
    await wheelLayers([pin], optionsIn(cache));
    expect(server.requests).toHaveLength(asked);
    const [unpacked, ...rest] = readdirSync(join(cache, "base-image", "wheels"));
    expect(unpacked).toMatch(/^[0-9a-f]{64}$/);
    expect(rest).toEqual([]);
  });

  test("take a wheel from a folder without asking the network, after checking its digest", async () => {
    const folder = freshFolder();
    writeFileSync(join(folder, pin.file), wheelBytes);
    expect(await wheelLayers([pin], optionsIn(freshFolder(), folder))).toHaveLength(1);
    expect(server.requests).toEqual([]);
    writeFileSync(join(folder, pin.file), Buffer.concat([wheelBytes, Buffer.from("x")]));
    await expect(wheelLayers([pin], optionsIn(freshFolder(), folder))).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
    });
  });

  test("refuse an index with another digest before downloading any of the wheel", async () => {
    publish({ ...pin, sha256: sha256(Buffer.from("another")) });
    await expect(wheelLayers([pin], optionsIn(freshFolder()))).rejects.toMatchObject({
      code: "SOURCE_CHANGED",
    });
    expect(server.requests.map(({ path }) => path)).toEqual(["/simple/nvidia-thing/"]);
  });

  test("refuse bytes that are not the pinned ones, and keep nothing of them", async () => {
    const other = Buffer.from(wheelBytes);
    other[40]! ^= 1;
    server.on("/w/1", (_request, response) => void response.end(other));
    const cache = freshFolder();
    await expect(wheelLayers([pin], optionsIn(cache))).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
    expect(readdirSync(join(cache, "base-image", "wheels"))).toEqual([]);
  });

  test("say which file an index lacks", async () => {
    publish({ ...pin, file: "nvidia_thing-2.0-py3-none-linux.whl" });
    await expect(wheelLayers([pin], optionsIn(freshFolder()))).rejects.toMatchObject({
      code: "SOURCE_NOT_FOUND",
      message: expect.stringContaining(pin.file) as string,
    });
  });

  test("are joined to one layer if the recipe says so", async () => {
    const folder = freshFolder();
    mkdirSync(folder, { recursive: true });
    const second = {
      ...pin,
      name: "nvidia-other",
      files: { "nvidia/lib/libthing_static.a": "/usr/lib/b.a" },
    };
    writeFileSync(join(folder, pin.file), wheelBytes);
    const layers = await wheelLayers([pin, second], optionsIn(freshFolder(), folder));
    expect(layers.map(({ entries }) => entries.map(({ path }) => path))).toEqual([
      ["usr/lib/b.a", "usr/lib/libthing.so.13", "usr/share/doc/thing/copyright"],
    ]);
  });
});

test("the index is the one that pip is configured with; an invalid address is refused", () => {
  const home = mkdtempSync(join(scratch, "pip-"));
  const file = join(home, "own.conf");
  writeFileSync(file, "[global]\ntimeout = 60\nindex-url = https://configured.example/simple\n");
  expect(pythonIndex({ HOME: home, PIP_CONFIG_FILE: file })?.href).toBe("https://configured.example/simple");
  expect(pythonIndex({ PIP_INDEX_URL: "https://mirror.example/simple" })?.href).toBe(
    "https://mirror.example/simple",
  );
  expect(() => pythonIndex({ PIP_INDEX_URL: "mirror" })).toThrow(/not an address/);
});

test("without any setting the index is the default that pip states in its help", () => {
  const help = `Package Index Options:
  -i, --index-url <url>       Base URL of the Python Package Index (default
                              https://default.example/simple). This should point
  --extra-index-url <url>     Extra URLs of package indexes`;
  expect(defaultIn(help)?.href).toBe("https://default.example/simple");
  expect(defaultIn("no such option")).toBeNull();
});

test("no index is asked for where pip may not use one", async () => {
  const home = mkdtempSync(join(scratch, "pip-"));
  const find = indexFinder({ HOME: home, PIP_NO_INDEX: "1", PATH: process.env["PATH"] }, neverStopped());
  expect(await find()).toBeNull();
});
