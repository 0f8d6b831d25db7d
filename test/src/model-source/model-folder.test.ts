import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/progress/progress.js";
import { findModel } from "../../../src/model-source/find-model.js";
import { localModelFolder, pretrainedModelFolder } from "../../../src/model-source/model-folder.js";
import { openSourceContext, type SourceContext } from "../../../src/model-source/open-model-source.js";
import { FileServer, file, json } from "../../support/file-server.js";
import { goldenPath } from "../../support/golden.js";
import { hex } from "../../support/model-zip.js";
import { buildZip, type ZipPart } from "../../support/zip-builder.js";

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
    expect(await localModelFolder(own, {}, context)).toBe(own);
    expect(await readdir(join(folder, "cache"))).not.toContain("trees");
  });

  test.each([
    { kind: "deflated", deflate: true },
    { kind: "stored", deflate: false },
  ])("holds of a $kind export what an image needs, byte for byte, and is a model", async ({ deflate }) => {
    await writeFile(join(folder, "export.zip"), await exportedModel(deflate));
    const wanted = { configuration: "3d_fullres", folds: ["0"] };
    const local = await localModelFolder(join(folder, "export.zip"), wanted, context);
    expect(await tree(local)).toEqual([
      `${v2Folder}/dataset.json`,
      `${v2Folder}/fold_0/checkpoint_final.pth`,
      `${v2Folder}/plans.json`,
    ]);
    const model = await findModel({ modelDir: local, configuration: "3d_fullres" });
    expect(model.folds.map(({ fold }) => fold)).toEqual(["0"]);
    const original = goldenPath("v2", "blobs_3d_fullres", "model", "fold_0", "checkpoint_final.pth");
    expect((await readFile(model.folds[0]!.checkpointFile)).equals(await readFile(original))).toBe(true);
  });

  test("grows when more of the archive is wanted, and is restored when it was tampered with", async () => {
    await writeFile(join(folder, "export.zip"), await exportedModel(true));
    const address = join(folder, "export.zip");
    const local = await localModelFolder(address, { configuration: "3d_fullres", folds: ["0"] }, context);
    await rm(join(local, v2Folder, "plans.json"));
    await writeFile(join(local, v2Folder, "plans.json"), "{}");
    expect(await localModelFolder(address, { configuration: "3d_fullres" }, context)).toBe(local);
    expect((await findModel({ modelDir: local })).folds).toHaveLength(2);
    const original = goldenPath("v2", "blobs_3d_fullres", "model", "plans.json");
    expect(await readFile(join(local, v2Folder, "plans.json"), "utf8")).toBe(
      await readFile(original, "utf8"),
    );
  });

  test("takes another checkpoint when one is named", async () => {
    await writeFile(join(folder, "export.zip"), await exportedModel(true));
    const wanted = { configuration: "3d_fullres", checkpointName: "checkpoint_best.pth" };
    const local = await localModelFolder(join(folder, "export.zip"), wanted, context);
    expect(await readdir(join(local, v2Folder, "fold_0"))).toEqual(["checkpoint_best.pth"]);
  });
});

test("a pretrained v1 model is one tree, with the first stage of a cascade when the second is wanted", async () => {
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
  const local = await pretrainedModelFolder("Task135", { configuration: "3d_cascade_fullres" }, context);
  expect(await tree(local)).toEqual(
    ["3d_cascade_fullres", "3d_lowres"].flatMap((configuration) => [
      `${configuration}/${task}/fold_0/model_final_checkpoint.model`,
      `${configuration}/${task}/fold_0/model_final_checkpoint.model.pkl`,
      `${configuration}/${task}/plans.pkl`,
    ]),
  );
});
