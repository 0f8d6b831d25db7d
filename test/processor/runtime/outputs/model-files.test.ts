import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { ignoreEvents, type RunEvent, runNote } from "../../../../processor/contract/progress/run-event.js";
import { type ModelFolder, writeModelFiles } from "../../../../processor/runtime/outputs/model-files.js";

const scratch = mkdtempSync(join(tmpdir(), "model-files-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let modelFolder = "";
let folder = "";
beforeEach(() => {
  modelFolder = mkdtempSync(join(scratch, "model-"));
  folder = mkdtempSync(join(scratch, "output-"));
  mkdirSync(join(modelFolder, "0"));
  for (const name of ["dataset.json", "plans.json"])
    writeFileSync(join(modelFolder, "0", name), `{"${name}":1}`);
});

/** The first of several models: its files are in a folder of its own. */
const loaded = (nnunetVersion: 1 | 2 = 2, onnxFile = "0/fold_0.onnx"): ModelFolder => ({
  folder: modelFolder,
  model: {
    nnunetVersion,
    folds: [{ fold: "0", onnxFile, weightsFile: null, plainOnnxFile: null }],
  },
});

const onEvent = ignoreEvents;

test("plans.json and dataset.json of the first model are next to its probabilities, as in nnU-Net", async () => {
  await writeModelFiles(loaded(), { folder, existing: "error", onEvent });
  expect(readdirSync(folder)).toEqual(["dataset.json", "plans.json"]);
  expect(readFileSync(join(folder, "plans.json"), "utf8")).toBe('{"plans.json":1}');
  // Another run of the same model into the same folder.
  await writeModelFiles(loaded(), { folder, existing: "error", onEvent });
});

test("a network from another source has a folder below the model's", async () => {
  await writeModelFiles(loaded(2, "0/fold_0/network.onnx"), { folder, existing: "error", onEvent });
  expect(readdirSync(folder)).toEqual(["dataset.json", "plans.json"]);
});

test("a file of that name with other contents is kept, unless it may be replaced", async () => {
  const path = join(folder, "dataset.json");
  writeFileSync(path, "another's");
  const write = (existing: "error" | "continue" | "overwrite") =>
    writeModelFiles(loaded(), { folder, existing, onEvent });
  await expect(write("error")).rejects.toMatchObject({ code: "OUTPUT_EXISTS" });
  await write("continue");
  expect(readFileSync(path, "utf8")).toBe("another's");
  await write("overwrite");
  expect(readFileSync(path, "utf8")).toBe('{"dataset.json":1}');
});

test("a model of v1 has no such files", async () => {
  await writeModelFiles(loaded(1), { folder, existing: "error", onEvent });
  expect(readdirSync(folder)).toEqual([]);
});

test("a converted folder without them is reported", async () => {
  rmSync(join(modelFolder, "0", "plans.json"));
  const events: RunEvent[] = [];
  await writeModelFiles(loaded(), { folder, existing: "error", onEvent: (event) => events.push(event) });
  expect(events).toEqual([
    runNote("model-file-missing", "the converted model has no plans.json, which nnUNetv2_ensemble needs"),
  ]);
});
