import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { loadModel } from "../../../../processor/runtime/model/load-model.js";
import { convertGolden } from "../../../support/model/convert.js";

const scratch = mkdtempSync(join(tmpdir(), "load-model-"));
const original = join(scratch, "original");
let folder = "";

beforeAll(async () => {
  await convertGolden({ name: "blobs_3d_fullres", outputDir: original });
});

afterAll(() => rmSync(scratch, { recursive: true }));

beforeEach(() => {
  folder = mkdtempSync(join(scratch, "copy-"));
  cpSync(original, folder, { recursive: true });
});

const manifestPath = (): string => join(folder, "manifest.json");

interface EditableManifest {
  manifestVersion: unknown;
  models: {
    folds: { onnxFile: string; weightsFile: string }[];
    gpuOnnxFile?: string | null;
    [key: string]: unknown;
  }[];
  settings?: unknown;
  task?: unknown;
}

function editManifest(change: (manifest: EditableManifest) => void): void {
  const manifest = JSON.parse(readFileSync(manifestPath(), "utf8")) as EditableManifest;
  change(manifest);
  writeFileSync(manifestPath(), JSON.stringify(manifest));
}

describe("a converted folder", () => {
  test("loads with all folds, or with the requested folds", async () => {
    const all = await loadModel(folder, null);
    expect(all.members[0]!.onnxFiles).toEqual([join(folder, "fold_0.onnx"), join(folder, "fold_1.onnx")]);
    const second = await loadModel(folder, ["1"]);
    expect(second.members[0]!.onnxFiles).toEqual([join(folder, "fold_1.onnx")]);
    const onnxFile = join(folder, "network.gpu.onnx");
    expect(second.members[0]!.gpuNetworks).toEqual({ onnxFile, folds: [1] });
  });

  test.each([
    ["has null in the manifest", null],
    ["is of an earlier version", undefined],
  ])("loads without a float16 graph if it has none and %s", async (_, gpuOnnxFile) => {
    editManifest(({ models }) => {
      if (gpuOnnxFile === null) models[0]!.gpuOnnxFile = gpuOnnxFile;
      else delete models[0]!.gpuOnnxFile;
    });
    rmSync(join(folder, "network.gpu.onnx"));
    expect((await loadModel(folder, null)).members[0]!.gpuNetworks).toBeNull();
  });

  test("counts the files that a network reads, without its float16 graph", async () => {
    const names = ["fold_0.onnx", "fold_0.weights"];
    const bytes = names.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    expect((await loadModel(folder, ["0"])).members[0]!.weightBytes).toBe(bytes);
  });

  test("refuses missing folds, with a list of the existing ones", async () => {
    await expect(loadModel(folder, ["0", "3"])).rejects.toMatchObject({
      code: "FOLD_MISSING",
      message: expect.stringContaining("folds 0, 1 of 3d_fullres, but not 3"),
    });
  });

  test("needs a manifest", async () => {
    rmSync(manifestPath());
    await expect(loadModel(folder, null)).rejects.toMatchObject({ code: "MODEL_NOT_FOUND" });
  });
});

describe("a manifest is refused, with the reason, when", () => {
  test.each<readonly [string, () => void, RegExp]>([
    ["it is cut off", () => truncateSync(manifestPath(), 200), /is not JSON/],
    ["it is null", () => writeFileSync(manifestPath(), "null"), /should be an object/],
    ["it is a list", () => writeFileSync(manifestPath(), "[]"), /should be an object/],
    [
      "another version wrote it",
      () =>
        editManifest((manifest) => {
          manifest.manifestVersion = 2;
        }),
      /manifestVersion is 2; this version of the program reads 1/,
    ],
    [
      "its version is not a number",
      () =>
        editManifest((manifest) => {
          manifest.manifestVersion = { toString: 1 };
        }),
      /manifestVersion should be a whole number/,
    ],
    [
      "it has no model",
      () =>
        editManifest((manifest) => {
          manifest.models = [];
        }),
      /models should have at least 1/,
    ],
    [
      "a model has no plan",
      () => editManifest(({ models }) => void delete models[0]!["plan"]),
      /plan is missing/,
    ],
    [
      "a model has no folds",
      () => editManifest(({ models }) => void models[0]!.folds.splice(0)),
      /models\[0\]\.folds should have at least 1/,
    ],
    [
      "a fold names no file",
      () => editManifest(({ models }) => void Object.assign(models[0]!.folds[0]!, { onnxFile: ["x"] })),
      /models\[0\]\.folds\[0\]\.onnxFile should be a text/,
    ],
    [
      "folds are not a list",
      () => editManifest(({ models }) => void Object.assign(models[0]!, { folds: { length: 1 } })),
      /folds should be a list/,
    ],
    [
      "a patch is as long as a text",
      () => editManifest(({ models }) => void Object.assign(models[0]!["plan"]!, { patchSize: "64" })),
      /plan\.patchSize should be a list/,
    ],
    [
      "a name that only inspect shows is missing",
      () => editManifest(({ models }) => void delete models[0]!["checkpointName"]),
      /models\[0\]\.checkpointName is missing/,
    ],
    [
      "the number of weights is a text",
      () => editManifest(({ models }) => void Object.assign(models[0]!["network"]!, { parameters: "9" })),
      /network\.parameters should be a whole number/,
    ],
    ["the task is missing", () => editManifest((manifest) => void delete manifest.task), /task is missing/],
    [
      "the mode is unknown",
      () => editManifest((manifest) => void Object.assign(manifest.settings!, { exportMode: "slow" })),
      /settings\.exportMode should be one of "normal", "fast", "fastest"/,
    ],
    [
      "a normalization is one that nobody knows",
      () =>
        editManifest(({ models }) => {
          const { normalization } = models[0]!["plan"] as { normalization: { scheme: string }[] };
          normalization[0]!.scheme = "Mystery";
        }),
      /models\[0\]\.plan\.normalization\[0\]\.scheme should be one of "CTNormalization", /,
    ],
    ["settings are missing", () => editManifest((manifest) => void delete manifest.settings), /settings/],
    [
      "a file is outside the folder",
      () =>
        editManifest(({ models }) => {
          models[0]!.folds[0]!.onnxFile = "../../etc/passwd";
        }),
      /outside the folder/,
    ],
    [
      "a file's name is 1 MB long",
      () =>
        editManifest(({ models }) => {
          models[0]!.folds[0]!.onnxFile = "../".repeat(10 ** 6 / 3);
        }),
      /a path may have up to 4096/,
    ],
    ["weights are missing", () => rmSync(join(folder, "fold_1.weights")), /fold_1\.weights is missing/],
  ])("%s", async (_, spoil, message) => {
    spoil();
    await expect(loadModel(folder, null)).rejects.toMatchObject({
      code: "MANIFEST_INVALID",
      message: expect.stringMatching(message),
    });
  });
});
