import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { buildZip, type ZipPart } from "../../support/archive/zip-builder.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

const model = "nnUNetTrainer__nnUNetPlans__3d_fullres";
const modelOfV1 = "3d_fullres/Task004_Liver/nnUNetTrainerV2__nnUNetPlansv2.1";

const files = (folder: string, ...names: readonly string[]): readonly ZipPart[] =>
  names.map((name) => ({ name: `${folder}${name}`, data: name }));
const wholeModel = (folder: string): readonly ZipPart[] =>
  files(folder, "plans.json", "dataset.json", "fold_0/checkpoint_final.pth");
const wholeModelOfV1 = (folder: string): readonly ZipPart[] =>
  files(folder, "plans.pkl", "all/model_final_checkpoint.model", "all/model_final_checkpoint.model.pkl");

let folder: string;
let terminal: TestTerminal;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "import-"));
  const environment = { nnUNet_results: join(folder, "results"), RESULTS_FOLDER: join(folder, "results-v1") };
  terminal = { ...testTerminal(folder), environment };
});
afterEach(() => rmSync(folder, { recursive: true }));

const importing = (parts: readonly ZipPart[], ...flags: readonly string[]): Promise<number> => {
  writeFileSync(join(folder, "liver.zip"), buildZip(parts));
  return main(["import-model", "liver.zip", ...flags], terminal);
};

test.each([
  { holding: "no file", parts: [], says: "liver.zip has no files" },
  {
    holding: "other files only",
    parts: files("", "a.txt", "b.txt"),
    says: "has no trained model, but 2 files: a.txt, b.txt",
  },
  {
    holding: "another archive",
    parts: files("", "model.zip"),
    says: "but another archive: model.zip; unpack it, and import that one",
  },
  {
    holding: "a model without folds",
    parts: files(`Dataset004_Liver/${model}/`, "plans.json", "dataset.json"),
    says: "plans.json, but no weights next to it (fold_…/….pth)",
  },
  {
    holding: "a model without plans",
    parts: files(`Dataset004_Liver/${model}/`, "dataset.json", "fold_0/checkpoint_final.pth"),
    says: `has weights in Dataset004_Liver/${model}, but no plans.json`,
  },
  {
    holding: "a second model without plans",
    parts: [
      ...wholeModel(`Dataset004_Liver/${model}/`),
      ...files("Dataset005_Lung/a__b__2d/", "fold_1/checkpoint_best.pth"),
    ],
    says: "has weights in Dataset005_Lung/a__b__2d, but no plans.json or dataset.json",
  },
  {
    holding: "a model in a folder too many",
    parts: wholeModel(`results/Dataset004_Liver/${model}/`),
    says: `has a model in results/Dataset004_Liver/${model}, but nnU-Net v2 exports a model as Dataset004_NAME/`,
  },
  {
    holding: "a model in another folder than that of its data set",
    parts: wholeModel(`results/${model}/`),
    says: `has a model in results/${model}, but`,
  },
  {
    holding: "a model without the folder of its data set",
    parts: wholeModel(`${model}/`),
    says: `has a model in ${model}, but`,
  },
  { holding: "the files of a model", parts: wholeModel(""), says: "has a model without a folder, but" },
  {
    holding: "a model of v1",
    parts: wholeModelOfV1(`${modelOfV1}/`),
    says: "has a model of nnU-Net v1, not of v2; --nnunet v1 imports it",
  },
])("an archive holding $holding is refused, and nothing is unpacked", async ({ parts, says }) => {
  expect(await importing(parts)).toBe(3);
  expect(terminal.printed.err).toContain("error EXPORT_INVALID");
  expect(terminal.printed.err).toContain(says);
  expect(existsSync(join(folder, "results"))).toBe(false);
});

test.each([
  { parts: wholeModelOfV1(`nnUNet/${modelOfV1}/`), says: "but nnU-Net v1 exports a model as CONFIGURATION/" },
  { parts: wholeModel(`Dataset004_Liver/${model}/`), says: "--nnunet v2 imports it" },
  { parts: files(`${modelOfV1}/`, "plans.pkl"), says: "no weights next to it (fold_…/….model)" },
])("--nnunet v1 refuses an archive that is not one of v1: $says", async ({ parts, says }) => {
  expect(await importing(parts, "--nnunet", "v1")).toBe(3);
  expect(terminal.printed.err).toContain(says);
  expect(existsSync(join(folder, "results-v1"))).toBe(false);
});

test("a model of each version is unpacked, and other files with it", async () => {
  const notes = files("", "README.md");
  expect(await importing([...wholeModel(`Dataset004_Liver/${model}/`), ...notes])).toBe(0);
  expect(readdirSync(join(folder, "results"))).toEqual(["Dataset004_Liver", "README.md"]);
  // macOS adds hidden files of its own to an archive; numbers may have more than three digits.
  const hidden = files(`__MACOSX/Dataset1234_Liver/${model}/fold_0/`, "._checkpoint_final.pth");
  expect(await importing([...wholeModel(`Dataset1234_Liver/${model}/`), ...hidden])).toBe(0);
  expect(readdirSync(join(folder, "results"))).toContain("Dataset1234_Liver");
  expect(await importing(wholeModelOfV1(`${modelOfV1}/`), "--nnunet", "v1")).toBe(0);
  expect(readdirSync(join(folder, "results-v1", "nnUNet", modelOfV1))).toEqual(["all", "plans.pkl"]);
});

test.each([
  { word: "folder.zip", code: "EXPORT_INVALID", says: "folder.zip is a folder, not a zip file" },
  { word: "livre.zip", code: "INPUT_NOT_FOUND", says: "livre.zip does not exist; did you mean" },
  { word: "text.zip", code: "ARCHIVE_INVALID", says: "not a zip file" },
])("$word is refused with the reason", async ({ word, code, says }) => {
  mkdirSync(join(folder, "folder.zip"));
  writeFileSync(join(folder, "liver.zip"), "");
  writeFileSync(join(folder, "text.zip"), "hello");
  expect(await main(["import-model", word], terminal)).toBeGreaterThan(2);
  expect(terminal.printed.err).toContain(`error ${code}`);
  expect(terminal.printed.err).toContain(says);
});
