import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv } from "ajv";
import { describe, expect, test } from "vitest";
import { silentProgress } from "../../../processor/contract/progress/progress.js";
import { downloadModel } from "../../../src/model-source/download-model.js";
import { listModels, modelInfo } from "../../../src/model-source/model-registry.js";
import { openSourceContext } from "../../../src/model-source/open-model-source.js";
import { buildZip } from "../../support/archive/zip-builder.js";
import { repositoryRoot } from "../../support/golden.js";
import { hex } from "../../support/model/model-zip.js";
import { FileServer, file, json } from "../../support/network/file-server.js";
import { neverStopped } from "../../support/never-stopped.js";

const folder = join(repositoryRoot, "src", "model-source");
const readJson = async (name: string): Promise<unknown> =>
  JSON.parse(await readFile(join(folder, name), "utf8"));

describe("the list of pretrained models", () => {
  test("matches its schema", async () => {
    const validate = new Ajv({ allErrors: true }).compile(
      (await readJson("pretrained-models.schema.json")) as object,
    );
    validate(await readJson("pretrained-models.json"));
    expect(validate.errors).toBeNull();
  });

  test("names no model, alias or archive twice", () => {
    const models = listModels();
    for (const names of [
      models.map(({ name }) => name),
      models.flatMap(({ aliases }) => aliases),
      models.flatMap(({ archives }) => archives),
    ])
      expect(names).toEqual([...new Set(names)]);
  });

  test("has the 27 tasks of nnU-Net v1, with four zips for BraTS and five for COVID", () => {
    const v1 = listModels().filter(({ nnunetVersion }) => nnunetVersion === 1);
    expect(v1).toHaveLength(27);
    const several = v1
      .filter(({ archives }) => archives.length > 1)
      .map(({ name, archives }) => [name, archives.length]);
    expect(several).toEqual([
      ["Task082_BraTS2020", 4],
      ["Task115_COVIDSegChallenge", 5],
    ]);
  });

  // Tasks that are not in the record of most others, or have a different name.
  test.each([
    { name: "Task004_Hippocampus", archive: "zenodo:4003545/Task004_Hippocampus.zip" },
    { name: "Task005_Prostate", archive: "zenodo:4485926/Task005_Prostate.zip" },
    { name: "Task029_LiTS", archive: "zenodo:4003545/Task029_LITS.zip" },
    { name: "Task114_heart_MNMs", archive: "zenodo:4288464/Task114_heart_MNMs.zip" },
    { name: "Task135_KiTS2021", archive: "zenodo:5126443/Task135_KiTS2021.zip" },
    { name: "Task169_BrainTumorPET", archive: "zenodo:8189234/nnUNet_FZJ_v2.zip" },
  ])("leads $name to $archive", ({ name, archive }) => {
    expect(modelInfo(name).archives).toEqual([archive]);
  });

  test("numbers labels and channels as the network does", () => {
    expect(modelInfo("Task027_ACDC").labels).toEqual({
      1: "right ventricle",
      2: "left ventricular myocardium",
      3: "left ventricular cavity",
    });
    expect(modelInfo("Task114_heart_MNMs").labels[3]).toBe("right ventricle");
    expect(modelInfo("Task082_BraTS2020").channels).toEqual(["T1", "T1ce", "T2", "FLAIR"]);
    expect(Object.keys(modelInfo("total_fast").labels)).toHaveLength(117);
  });
});

describe("a model is found", () => {
  test.each([
    { by: "its name", wanted: "Task004_Hippocampus", name: "Task004_Hippocampus" },
    { by: "its name in other case", wanted: "task004_hippocampus", name: "Task004_Hippocampus" },
    { by: "its task", wanted: "Task004", name: "Task004_Hippocampus" },
    { by: "its number", wanted: "4", name: "Task004_Hippocampus" },
    { by: "an alias", wanted: "organ_ct", name: "Dataset291_TotalSegmentator_part1_organs_1559subj" },
    { by: "its dataset", wanted: "Dataset008", name: "Dataset008_HepaticVessel" },
  ])("by $by", ({ wanted, name }) => {
    expect(modelInfo(wanted).name).toBe(name);
  });

  test("only if its number is unique", () => {
    expect(() => modelInfo("8")).toThrow(
      expect.objectContaining({
        code: "MODEL_AMBIGUOUS",
        message: expect.stringMatching(/Task008_.*Dataset008_/),
      }),
    );
  });

  test("and otherwise the most similar name is suggested", () => {
    expect(() => modelInfo("Task004_Hipocampus")).toThrow(
      expect.objectContaining({
        code: "PRETRAINED_UNKNOWN",
        message: expect.stringContaining("Did you mean Task004_Hippocampus?"),
      }),
    );
    expect(() => modelInfo("something else entirely")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("mean") }),
    );
  });
});

test("a model of several archives is downloaded from a mirror and unpacked as one results tree", async () => {
  const server = await FileServer.start();
  const work = await mkdtemp(join(tmpdir(), "model-registry-"));
  try {
    const { archives } = modelInfo("Task082_BraTS2020");
    const names = archives.map((address) => address.slice("zenodo:4635763/".length));
    const zips = names.map((_, i) =>
      buildZip([{ name: `3d_fullres/Task082_BraTS2020/trainer${i}__plans/plans.pkl`, data: `plans ${i}` }]),
    );
    const files = names.map((key, i) => ({
      key,
      size: zips[i]!.length,
      checksum: `md5:${hex("md5", zips[i]!)}`,
    }));
    server.on("/mirror/api/records/4635763", json({ files }));
    for (const [i, name] of names.entries())
      server.on(`/mirror/records/4635763/files/${name}`, file(zips[i]!));
    const context = await openSourceContext({
      cacheFolder: join(work, "cache"),
      progress: silentProgress,
      lockFile: null,
      zenodoMirror: server.url("/mirror"),
      signal: neverStopped(),
    });
    const downloaded = await downloadModel("Task082_BraTS2020", context, { outputDir: join(work, "nnUNet") });
    expect(downloaded.archives.map(({ sha256 }) => sha256)).toEqual(zips.map((zip) => hex("sha256", zip)));
    expect(await readdir(join(work, "nnUNet", "3d_fullres", "Task082_BraTS2020"))).toEqual([
      "trainer0__plans",
      "trainer1__plans",
      "trainer2__plans",
      "trainer3__plans",
    ]);
  } finally {
    await server.stop();
    await rm(work, { recursive: true, force: true });
  }
});
