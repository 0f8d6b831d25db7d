import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { describeModel } from "../../../src/checkpoint/nnunet-formats.js";
import { convertModel } from "../../../src/convert/convert-model.js";
import { namingArchives } from "../../../src/ground/archive/archive-tree.js";
import { openSourceContext, type SourceContext } from "../../../src/model-source/open-model-source.js";
import { findModel } from "../../../src/models/find-model.js";
import { localModelFolder, pretrainedModelFolder } from "../../../src/models/model-folder.js";
import { anyModel } from "../../../src/models/model-query.js";
import { buildZip, type ZipPart } from "../../support/archive/zip-builder.js";
import { goldenPath, repositoryRoot } from "../../support/golden.js";
import { testSettings } from "../../support/model/convert.js";
import { hex } from "../../support/model/model-zip.js";
import { singleModel } from "../../support/model/single-model.js";
import { FileServer, file, json } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";

let folder = "";
let context: SourceContext;
let server: FileServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "model-folder-"));
  server = await FileServer.start();
  context = await openSourceContext({
    cacheFolder: join(folder, "cache"),
    progress: silentProgress,
    lockFile: null,
    zenodoMirror: server.url("/"),
    signal: neverStopped(),
  });
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const v2Folder = "Dataset001_Blobs/nnUNetTrainer__nnUNetPlans__3d_fullres";

/** nnU-Net's own training, as its export lays it out, with what an image does not need. */
async function exportedModel(deflate: boolean): Promise<Buffer> {
  const model = goldenPath("v2", "blobs_3d_fullres", "model");
  const names = ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth", "fold_1/checkpoint_final.pth"];
  const parts: ZipPart[] = [];
  for (const name of names)
    parts.push({ name: `${v2Folder}/${name}`, data: await readFile(join(model, name)), deflate });
  parts.push({ name: `${v2Folder}/fold_0/checkpoint_best.pth`, data: "not needed" });
  parts.push({ name: `${v2Folder}/fold_0/progress.png`, data: "not needed" });
  parts.push({ name: "Dataset001_Blobs/nnUNetTrainer__nnUNetPlans__2d/plans.json", data: "{}" });
  return buildZip(parts);
}

/** Files below a folder, sorted. */
async function tree(path: string): Promise<readonly string[]> {
  const found = await readdir(path, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

describe("the local folder of a model", () => {
  test("is the user's own when it is one", async () => {
    const own = join(folder, "own");
    await mkdir(own);
    expect(await localModelFolder(own, anyModel, context)).toEqual({ modelDir: own, tree: null });
    expect(await readdir(join(folder, "cache"))).not.toContain("trees");
  });

  const original = goldenPath("v2", "blobs_3d_fullres", "model", "fold_0", "checkpoint_final.pth");
  const wanted = { ...anyModel, configuration: "3d_fullres", folds: ["0"] };

  test("has the files of a deflated export that an image needs, byte for byte, and is a model", async () => {
    await writeFile(join(folder, "export.zip"), await exportedModel(true));
    const local = await localModelFolder(join(folder, "export.zip"), wanted, context);
    expect(await tree(local.modelDir)).toEqual([
      `${v2Folder}/dataset.json`,
      `${v2Folder}/fold_0/checkpoint_final.pth`,
      `${v2Folder}/plans.json`,
    ]);
    const model = await findModel(local, { ...anyModel, configuration: "3d_fullres" });
    expect(model.folds.map(({ fold, range }) => [fold, range])).toEqual([["0", null]]);
    expect((await readFile(model.folds[0]!.checkpointFile)).equals(await readFile(original))).toBe(true);
  });

  test("reads an uncompressed checkpoint in the archive without copying it", async () => {
    const archive = join(folder, "export.zip");
    await writeFile(archive, await exportedModel(false));
    const local = await localModelFolder(archive, wanted, context);
    expect(await tree(local.modelDir)).toEqual([`${v2Folder}/dataset.json`, `${v2Folder}/plans.json`]);
    const { folds } = await findModel(local, { ...anyModel, configuration: "3d_fullres" });
    const { file, offset, size } = folds[0]!.range!;
    expect(file).toBe(archive);
    const bytes = (await readFile(archive)).subarray(offset, offset + size);
    expect(bytes.equals(await readFile(original))).toBe(true);
    const inCache = await tree(join(folder, "cache", "files"));
    const sizes = await Promise.all(
      inCache.map(async (name) => (await stat(join(folder, "cache", "files", name))).size),
    );
    expect(Math.max(...sizes)).toBeLessThan(size / 2);
  });

  test("refuses a stored checkpoint whose bytes do not have its CRC-32", async () => {
    const parts = ["plans.json", "dataset.json"].map((name) => ({ name: `${v2Folder}/${name}`, data: "{}" }));
    const damaged = { name: `${v2Folder}/fold_0/checkpoint_final.pth`, data: "damaged", crc: 1 };
    await writeFile(join(folder, "export.zip"), buildZip([...parts, damaged]));
    await expect(localModelFolder(join(folder, "export.zip"), wanted, context)).rejects.toMatchObject({
      code: "ARCHIVE_INVALID",
    });
  });

  test("is completed if more of the archive is needed, and restored if it was changed", async () => {
    await writeFile(join(folder, "export.zip"), await exportedModel(true));
    const address = join(folder, "export.zip");
    const local = await localModelFolder(
      address,
      { ...anyModel, configuration: "3d_fullres", folds: ["0"] },
      context,
    );
    const plans = join(local.modelDir, v2Folder, "plans.json");
    await rm(plans);
    await writeFile(plans, "{}");
    expect(await localModelFolder(address, { ...anyModel, configuration: "3d_fullres" }, context)).toEqual(
      local,
    );
    expect((await findModel(local, anyModel)).folds).toHaveLength(2);
    const original = goldenPath("v2", "blobs_3d_fullres", "model", "plans.json");
    expect(await readFile(plans, "utf8")).toBe(await readFile(original, "utf8"));
  });

  test("refuses an archive with several models before anything is unpacked", async () => {
    const parts = ["2d", "3d_fullres"].flatMap((configuration) =>
      ["plans.json", "dataset.json", "fold_0/checkpoint_final.pth"].map((name) => ({
        ...{ name: `Dataset001_Blobs/nnUNetTrainer__nnUNetPlans__${configuration}/${name}`, data: "{}" },
        deflate: true,
      })),
    );
    const address = join(folder, "export.zip");
    await writeFile(address, buildZip(parts));
    await expect(localModelFolder(address, anyModel, context)).rejects.toMatchObject({
      code: "MODEL_AMBIGUOUS",
    });
    await expect(localModelFolder(address, { ...anyModel, taskId: 7 }, context)).rejects.toMatchObject({
      code: "MODEL_TASK_MISMATCH",
    });
    expect(await tree(join(folder, "cache", "files"))).toEqual([]);
    const local = await localModelFolder(address, { ...anyModel, configuration: "2d" }, context);
    expect((await tree(local.modelDir)).every((path) => path.includes("__2d/"))).toBe(true);
  });

  test("uses another checkpoint if one is named", async () => {
    await writeFile(join(folder, "export.zip"), await exportedModel(true));
    const best = { ...anyModel, configuration: "3d_fullres", checkpointName: "checkpoint_best.pth" };
    const local = await localModelFolder(join(folder, "export.zip"), best, context);
    const fold = join(local.modelDir, v2Folder, "fold_0");
    expect(await readdir(fold)).toEqual([]);
    expect([...local.tree!.inArchive.keys()]).toEqual([join(fold, "checkpoint_best.pth")]);
  });
});

describe("an error about an archive names the archive and what it contains:", () => {
  /** A zip of these files, each with these bytes, or nothing. */
  async function zipOf(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
    const address = join(folder, "export.zip");
    await writeFile(
      address,
      buildZip(Object.entries(files).map(([name, data]) => ({ name, data, deflate: true }))),
    );
    return address;
  }
  const model = goldenPath("v2", "blobs_3d_fullres", "model");
  const plans = async () => ({
    [`${v2Folder}/plans.json`]: await readFile(join(model, "plans.json")),
    [`${v2Folder}/dataset.json`]: await readFile(join(model, "dataset.json")),
  });

  test.each([v2Folder, "model"])("a checkpoint of another name, in %s", async (prefix) => {
    const named = Object.entries(await plans()).map(([path, data]) => [path.replace(v2Folder, prefix), data]);
    const address = await zipOf({
      ...Object.fromEntries(named),
      [`${prefix}/fold_0/checkpoint_best.pth`]: "weights",
    });
    await expect(localModelFolder(address, anyModel, context)).rejects.toMatchObject({
      code: "FOLD_MISSING",
      message: `${address}: no fold has checkpoint_final.pth; fold_0 has checkpoint_best.pth`,
    });
    const local = await localModelFolder(
      address,
      { ...anyModel, checkpointName: "checkpoint_best.pth" },
      context,
    );
    expect(local.tree?.address).toBe(address);
  });

  test("a fold that the archive does not have", async () => {
    const checkpoint = await readFile(join(model, "fold_0", "checkpoint_final.pth"));
    const address = await zipOf({
      ...(await plans()),
      [`${v2Folder}/fold_0/checkpoint_final.pth`]: checkpoint,
      [`${v2Folder}/fold_1/checkpoint_final.pth`]: checkpoint,
      [`${v2Folder}/fold_2/checkpoint_best.pth`]: checkpoint,
    });
    await expect(localModelFolder(address, { ...anyModel, folds: ["0", "7"] }, context)).rejects.toThrow(
      `${address}: there is no fold 7; the trained folds are 0, 1`,
    );
    const { folds, leftOut } = await findModel(await localModelFolder(address, anyModel, context), anyModel);
    expect(folds.map(({ fold }) => fold)).toEqual(["0", "1"]);
    expect(leftOut).toEqual([
      { fold: "2", reason: "fold 2 has no checkpoint_final.pth, but checkpoint_best.pth" },
    ]);
  });

  test("plans and weights that cannot be read", async () => {
    const files = { ...(await plans()), [`${v2Folder}/fold_0/checkpoint_final.pth`]: "no weights" };
    const address = await zipOf(files);
    const local = await localModelFolder(address, anyModel, context);
    const attempt = namingArchives([local.tree], async () => describeModel(await findModel(local, anyModel)));
    await expect(attempt).rejects.toMatchObject({
      code: "CHECKPOINT_UNSUPPORTED",
      message: `${address}: ${v2Folder}/fold_0/checkpoint_final.pth is not a file of torch.save`,
    });
  });

  test("v1's fold for all cases is unpacked", async () => {
    const address = await zipOf({ "x/plans.pkl": "", "x/all/model_final_checkpoint.model": "weights" });
    const local = await localModelFolder(address, anyModel, context);
    expect(await tree(local.modelDir)).toEqual(["x/all/model_final_checkpoint.model", "x/plans.pkl"]);
  });
});

test("a pretrained v1 model is one tree, with the first stage of a cascade if the second is used", async () => {
  const task = "Task135_KiTS2021/nnUNetTrainerV2__nnUNetPlansv2.1";
  const parts = ["2d", "3d_lowres", "3d_fullres", "3d_cascade_fullres"].flatMap((configuration) =>
    [
      "plans.pkl",
      "fold_0/model_final_checkpoint.model",
      "fold_0/model_final_checkpoint.model.pkl",
      "fold_0/debug.json",
    ].map((name) => ({ name: `${configuration}/${task}/${name}`, data: `${configuration} ${name}` })),
  );
  const zip = buildZip(parts);
  const checksum = `md5:${hex("md5", zip)}`;
  server.on(
    "/api/records/5126443",
    json({ files: [{ key: "Task135_KiTS2021.zip", size: zip.length, checksum }] }),
  );
  server.on("/records/5126443/files/Task135_KiTS2021.zip", file(zip));
  const local = await pretrainedModelFolder(
    "Task135",
    { ...anyModel, configuration: "3d_cascade_fullres" },
    context,
  );
  const folders = ["3d_cascade_fullres", "3d_lowres"].map((configuration) => `${configuration}/${task}`);
  expect(await tree(local.modelDir)).toEqual(
    folders.flatMap((path) => [`${path}/fold_0/model_final_checkpoint.model.pkl`, `${path}/plans.pkl`]),
  );
  expect([...local.tree!.inArchive.keys()]).toEqual(
    folders.map((path) => join(local.modelDir, path, "fold_0", "model_final_checkpoint.model")),
  );
});

describe("a model in an archive converts to the same bytes as its folder:", () => {
  /** Names below the archive, as the two versions lay results out. */
  const models: readonly (readonly [string, string, string])[] = [
    ["v2", goldenPath("v2", "blobs_2d", "model"), "Dataset501_Blobs/nnUNetTrainer__nnUNetPlans__2d"],
    [
      "a v1 checkpoint of torch before 1.6",
      join(repositoryRoot, "test", "fixtures", "networks_v1", "generic_2d"),
      "2d/Task501_Blobs/nnUNetTrainerV2__nnUNetPlansv2.1",
    ],
  ];
  test.each(models.flatMap((model) => [false, true].map((deflate) => [...model, deflate] as const)))(
    "%s (%s, %s, deflated %s)",
    async (_, modelDir, prefix, deflate) => {
      const parts: ZipPart[] = [];
      for (const name of await tree(modelDir))
        parts.push({ name: `${prefix}/${name}`, data: await readFile(join(modelDir, name)), deflate });
      const address = join(folder, "export.zip");
      await writeFile(address, buildZip([{ name: "readme.txt", data: "in front" }, ...parts]));
      const local = await localModelFolder(address, anyModel, context);
      const outputs: Buffer[] = [];
      for (const [i, place] of [{ modelDir, tree: null }, local].entries()) {
        const outputDir = join(folder, `converted-${i}`);
        const models = singleModel(await findModel(place, anyModel));
        await convertModel({
          models,
          settings: testSettings,
          outputDir,
          progress: silentProgress,
          signal: neverStopped(),
        });
        outputs.push(await readFile(join(outputDir, "fold_0.weights")));
      }
      expect(outputs[0]!.equals(outputs[1]!)).toBe(true);
    },
  );
});
