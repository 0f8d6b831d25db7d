import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { inspectSource } from "../../../src/inspect/inspect-source.js";
import { anyModel } from "../../../src/models/model-query.js";
import { sourceContext, trainedModel } from "../../../src/models/obtain-model.js";
import type { WorkContext } from "../../../src/models/work-context.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { goldenPath } from "../../support/golden.js";
import { neverStopped } from "../../support/never-stopped.js";

const golden = goldenPath("monai", "spleen_unet", "bundle");

let folder = "";
let work: WorkContext;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "bundle-archive-"));
  work = {
    currentDirectory: folder,
    environment: { XDG_CACHE_HOME: join(folder, "cache") },
    lockFile: join(folder, "processor.lock.json"),
    progress: silentProgress,
    signal: neverStopped(),
  };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a zip with the golden bundle in each of some folders, and a file that nobody needs. */
function writeArchive(name: string, ...folders: readonly string[]): void {
  const files = readdirSync(golden, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  const parts = folders.flatMap((place) =>
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return { name: join(place, relative(golden, path)), data: readFileSync(path), deflate: true };
    }),
  );
  const aside = { name: join(folders[0]!, "models/model_old.pt"), data: "not needed" };
  writeFileSync(join(folder, name), buildZip([...parts, aside]));
}

const described = async (modelDir: string) => {
  const model = await trainedModel({ modelDir, ...anyModel }, work);
  return { name: model.datasetName, description: await describeModel(model) };
};

test.each([
  ["in a folder", "spleen_v0.5.3.zip", "spleen_ct_segmentation", "spleen_ct_segmentation"],
  ["without a folder", "spleen_v0.5.3.zip", "", "spleen_v0.5.3"],
])("a zip with a bundle %s is the same model as the bundle's folder", async (_how, archive, place, name) => {
  writeArchive(archive, place);
  mkdirSync(join(folder, "own"));
  cpSync(golden, join(folder, "own", name), { recursive: true });
  expect(await described(archive)).toEqual(await described(join("own", name)));
  expect((await described(archive)).name).toBe(name);
  const trees = readdirSync(join(folder, "cache"), { recursive: true, encoding: "utf8" });
  expect(trees.filter((path) => path.includes("model_old"))).toEqual([]);
});

test("inspect describes a bundle in a zip", async () => {
  writeArchive("spleen.zip", "spleen");
  const options = { ...work, nvidia: null, openContext: () => sourceContext(null, work) };
  const found = await inspectSource("spleen.zip", options);
  expect(found).toMatchObject({
    kind: "models",
    models: [{ datasetName: "spleen", trainer: expect.any(String), problems: [] }],
  });
});

test("a zip with two bundles is refused with their names", async () => {
  writeArchive("two.zip", "liver", "spleen");
  await expect(trainedModel({ modelDir: "two.zip", ...anyModel }, work)).rejects.toMatchObject({
    code: "MODEL_AMBIGUOUS",
    message: expect.stringContaining("liver, spleen"),
  });
});

test("a bundle without weights in a zip is named by the zip's name", async () => {
  const config = readFileSync(join(golden, "configs", "inference.json"));
  writeFileSync(
    join(folder, "empty.zip"),
    buildZip([{ name: "spleen/configs/inference.json", data: config }]),
  );
  await expect(trainedModel({ modelDir: "empty.zip", ...anyModel }, work)).rejects.toMatchObject({
    code: "MODEL_NOT_FOUND",
    message: expect.stringMatching(/empty\.zip.*spleen is a bundle of MONAI, but has no weights/),
  });
});
