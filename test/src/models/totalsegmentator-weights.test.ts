import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { convertModel } from "../../../src/convert/convert-model.js";
import type { ModelSet } from "../../../src/models/model-set.js";
import {
  needsOf,
  noChoices,
  noTaskOptions,
  taskModels,
} from "../../../src/models/totalsegmentator-models.js";
import { buildZip, type ZipPart } from "../../support/archive/zip-builder.js";
import { goldenPath } from "../../support/golden.js";
import { testSettings } from "../../support/model/convert.js";
import { FileServer, file, status } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";

const weights = goldenPath("totalseg", "weights");
const total6mm = "Dataset298_TotalSegmentator_total_6mm_1559subj";
const modelFolder = "nnUNetTrainer_4000epochs_NoMirroring__nnUNetPlans__3d_fullres";

let folder = "";
let server: FileServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "weights-"));
  server = await FileServer.start();
});
afterEach(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

function models(name: string, environment: Readonly<Record<string, string>> = {}): Promise<ModelSet> {
  return taskModels(
    [`totalsegmentator:${name}`],
    { needs: needsOf(noTaskOptions, "run"), others: noChoices },
    {
      currentDirectory: folder,
      environment: {
        HOME: folder,
        XDG_CACHE_HOME: join(folder, "cache"),
        TOTALSEG_WEIGHTS_URL: server.url("/releases").href,
        TOTALSEG_LICENSE_SERVER: server.url("/").href,
        ...environment,
      },
      lockFile: join(folder, "processor.lock.json"),
      progress: silentProgress,
      signal: neverStopped(),
    },
  );
}

/** An archive as TotalSegmentator's releases have it. */
async function archiveOf(name: string, as = name): Promise<Buffer> {
  const parts: ZipPart[] = [];
  for (const entry of await readdir(join(weights, name), { recursive: true, withFileTypes: true }))
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      parts.push({ name: `${as}/${path.slice(join(weights, name).length + 1)}`, data: await readFile(path) });
    }
  return buildZip(parts);
}

const archivePath = `/releases/v2.0.0-weights/${total6mm}.zip`;

describe("weights that are fetched", () => {
  test("come from the release once, are locked, and give the networks", async () => {
    server.on(archivePath, file(await archiveOf(total6mm)));
    const found = await models("total_fastest");
    expect(found.members[0].model).toMatchObject({ datasetName: total6mm, configuration: "3d_fullres" });
    const { manifest } = await convertModel({
      models: found,
      settings: testSettings,
      outputDir: join(folder, "converted"),
      progress: silentProgress,
      signal: neverStopped(),
    });
    expect(manifest.totalsegmentator?.run).toMatchObject({ task: "total", spacingMmXyz: [6, 6, 6] });
    const lock = await readFile(join(folder, "processor.lock.json"), "utf8");
    expect(lock).toContain(`${total6mm}.zip`);
    await models("total_fastest");
    expect(server.requests.filter(({ path }) => path === archivePath)).toHaveLength(1);
  });

  test("are refused if they changed after the first time", async () => {
    server.on(archivePath, file(await archiveOf(total6mm)));
    await models("total_fastest");
    await rm(join(folder, "cache"), { recursive: true });
    server.on(archivePath, file(await archiveOf("Dataset300_body_6mm_1559subj", total6mm), { etag: '"v2"' }));
    await expect(models("total_fastest")).rejects.toMatchObject({ code: "SOURCE_CHANGED" });
  });

  test("are refused if they are of another trainer", async () => {
    server.on(archivePath, file(await archiveOf("Dataset300_body_6mm_1559subj", total6mm)));
    await expect(models("total_fastest")).rejects.toMatchObject({
      code: "TOTALSEG_WEIGHTS",
      message: expect.stringContaining(`runs ${modelFolder}`) as string,
    });
  });
});

describe("weights that need a licence", () => {
  const heart = "Dataset303_face_1559subj";

  test("say where a number is had, and where to put it", async () => {
    await expect(models("face")).rejects.toMatchObject({
      code: "TOTALSEG_LICENCE",
      message: expect.stringContaining("TOTALSEG_LICENSE") as string,
      help: expect.stringContaining("license-academic") as string,
    });
  });

  test("are fetched with the user's number, from the environment or from TotalSegmentator's own file", async () => {
    const archive = await archiveOf("Dataset291_TotalSegmentator_part1_organs_1559subj", heart);
    const sent: string[] = [];
    server.on("/download_weights", async (request, response) => {
      for await (const chunk of request) sent.push(String(chunk));
      await file(archive)(request, response);
    });
    const found = await models("face", { TOTALSEG_LICENSE: "aca_1234" });
    expect(JSON.parse(sent.join(""))).toEqual({
      license_number: "aca_1234",
      task: "face",
      version: "2.18.0",
    });
    expect(found.members[0].model.folds).toHaveLength(1);
    expect(await readFile(join(folder, "processor.lock.json"), "utf8")).not.toContain("aca_1234");

    await rm(join(folder, "cache"), { recursive: true });
    await mkdir(join(folder, ".totalsegmentator"));
    await writeFile(
      join(folder, ".totalsegmentator", "config.json"),
      JSON.stringify({ license_number: "aca_5678", totalseg_id: "x" }),
    );
    sent.length = 0;
    await models("face");
    expect(JSON.parse(sent.join(""))).toMatchObject({ license_number: "aca_5678" });
  });

  test("say that the server refused the number", async () => {
    server.on("/download_weights", status(401));
    await expect(models("face", { TOTALSEG_LICENSE: "wrong" })).rejects.toMatchObject({
      code: "TOTALSEG_LICENCE",
      message: expect.not.stringContaining("wrong") as string,
    });
  });
});

describe("a folder with the weights of TotalSegmentator's own programs", () => {
  const own = () => join(folder, ".totalsegmentator", "nnunet", "results");

  beforeEach(() => cp(join(weights, total6mm), join(own(), total6mm), { recursive: true }));

  test("is used as it is", async () => {
    const { members } = await models("total_fastest");
    expect(members[0].model.folder).toBe(join(own(), total6mm, modelFolder));
    expect(server.requests).toEqual([]);
  });

  test("may hold the archive", async () => {
    await rm(join(own(), total6mm), { recursive: true });
    await writeFile(join(own(), `${total6mm}.zip`), await archiveOf(total6mm));
    expect((await models("total_fastest")).members[0].model.datasetName).toBe(total6mm);
    expect(server.requests).toEqual([]);
  });

  test("is refused if it was unpacked by half", async () => {
    await rm(join(own(), total6mm, modelFolder, "fold_0"), { recursive: true });
    await expect(models("total_fastest")).rejects.toMatchObject({
      code: "TOTALSEG_WEIGHTS",
      message: expect.stringMatching(/is incomplete: .*checkpoint_final\.pth is missing$/) as string,
    });
  });

  test("is refused if a checkpoint ends too early", async () => {
    await truncate(join(own(), total6mm, modelFolder, "fold_0", "checkpoint_final.pth"), 50_000);
    await expect(models("total_fastest")).rejects.toMatchObject({
      code: "TOTALSEG_WEIGHTS",
      message: expect.stringContaining("is incomplete") as string,
    });
  });

  test("is refused if it is of another trainer", async () => {
    await rename(
      join(own(), total6mm, modelFolder),
      join(own(), total6mm, modelFolder.replace("4000", "2000")),
    );
    await expect(models("total_fastest")).rejects.toMatchObject({
      code: "TOTALSEG_WEIGHTS",
      message: expect.stringMatching(/holds nnUNetTrainer_2000\S+, but .* runs nnUNetTrainer_4000/) as string,
    });
  });

  test("must exist if TOTALSEG_WEIGHTS_PATH names it", async () => {
    await expect(models("total_fastest", { TOTALSEG_WEIGHTS_PATH: "/nowhere" })).rejects.toMatchObject({
      code: "TOTALSEG_WEIGHTS",
    });
  });
});

test.each([
  ["totl", /no task totl\. Did you mean total\?/],
  ["kidney_cysts_fast", /has no mode fast; it has kidney_cysts$/],
  ["body_fastest", /has no mode fastest; it has body, body_fast$/],
  ["liver", /totalsegmentator:total with --roi-subset liver/],
])("an unknown task %s is named, with what was meant", async (name, message) => {
  await expect(models(name)).rejects.toMatchObject({
    code: "PRETRAINED_UNKNOWN",
    message: expect.stringMatching(message) as string,
  });
});
