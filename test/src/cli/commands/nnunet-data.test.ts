import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../../src/cli/main.js";
import { goldenPath } from "../../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../../support/programs/test-terminal.js";

let folder = "";
let terminal: TestTerminal;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nnunet-data-"));
  const environment = {
    nnUNet_raw: goldenPath("tools", "datasets"),
    nnUNet_preprocessed: join(folder, "preprocessed"),
    nnUNet_results: join(folder, "results"),
  };
  terminal = { ...testTerminal(folder), environment };
});

afterEach(() => rmSync(folder, { recursive: true }));

const run = (...argv: readonly string[]): Promise<number> => main(argv, terminal);

test("raw data become a fingerprint, plans and preprocessed data, several data sets at once", async () => {
  expect(await run("fingerprint", "304", "Dataset305_Tiny", "--samples", "all")).toBe(0);
  expect(await run("plan", "-d", "304", "305", "--svg", "pictures")).toBe(0);
  expect(readFileSync(join(folder, "pictures", "Dataset304_Brain-2d.svg"), "utf8")).toMatch(
    /^<svg .*<\/svg>\n$/s,
  );
  expect(await run("preprocess", "304", "-c", "3d_fullres", "--splits")).toBe(0);
  const preprocessed = join(folder, "preprocessed", "Dataset304_Brain");
  expect(readdirSync(preprocessed).toSorted()).toEqual([
    "dataset.json",
    "dataset_fingerprint.json",
    "gt_segmentations",
    "nnUNetPlans.json",
    "nnUNetPlans_3d_fullres",
    "raw_files.json",
    "splits_final.json",
  ]);
});

test("plan explain says why, what another memory would change, and writes nothing", async () => {
  const preprocessed = join(folder, "preprocessed", "Dataset303_AnisoMR");
  cpSync(
    join(goldenPath("tools", "datasets"), "Dataset303_AnisoMR", "expected_fingerprint.json"),
    join(preprocessed, "dataset_fingerprint.json"),
  );
  expect(await run("plan", "explain", "303", "-gpu_memory_target", "24")).toBe(0);
  expect(terminal.printed.out).toContain("takes its 10th percentile");
  expect(terminal.printed.out).toContain("within the 1680 million values that 24 GB hold");
  expect(existsSync(join(preprocessed, "nnUNetPlans.json"))).toBe(false);
});

test.each([
  { argv: ["plan", "9"], exit: 4, says: "no folder Dataset009_…" },
  { argv: ["plan", "Dataset304_Brian"], exit: 4, says: "did you mean Dataset304_Brain?" },
  { argv: ["plan", "brain"], exit: 4, says: "did you mean Dataset304_Brain?" },
  { argv: ["plan", "Dataset305_Bowel"], exit: 4, says: "they have Dataset301_Photos" },
  { argv: ["plan", "Liver"], exit: 4, says: "they have Dataset301_Photos" },
  { argv: ["plan", "explian", "304"], exit: 2, says: "did you mean `plan explain`?" },
  { argv: ["plan", "304", "--gpu-memory", "0"], exit: 2, says: "must be above 0 GB, but is 0" },
  { argv: ["plan", "304", "--target-spacing", "1", "1"], exit: 2, says: "three numbers above 0" },
  { argv: ["dataset", "verify", "4", "--nnunet", "v1"], exit: 2, says: "nnUNet_raw_data_base" },
  { argv: ["plan", "304"], exit: 4, says: "dataset_fingerprint.json does not exist" },
  { argv: ["preprocess", "304"], exit: 3, says: "nnUNetPlans.json does not exist" },
  { argv: ["fingerprint"], exit: 2, says: "name a data set" },
  { argv: ["plan", "304", "--planner", "ExperimentPlanner2D_v21"], exit: 2, says: "add --nnunet v1" },
  { argv: ["dataset", "show", "304", "--nnunet", "v1"], exit: 2, says: "only for data sets of v2" },
  { argv: ["dataset", "convert", "Task07_Liver"], exit: 4, says: "Task07_Liver does not exist" },
  { argv: ["dataset", "convert", "elsewhere"], exit: 4, says: "elsewhere does not exist" },
  { argv: ["dataset", "convert", "Task07_Liver", "--relabel", "255=1"], exit: 2, says: "--from pictures" },
])("$argv exits with $exit and says what is wrong", async ({ argv, exit, says }) => {
  expect(await run(...argv)).toBe(exit);
  expect(terminal.printed.err).toContain(says);
});

test.each([
  { name: "Liver", says: "--from says what it is" },
  { name: "Dataset007_Liver", says: "is a data set of nnU-Net v2 already" },
])("the folder $name does not say by its name what it is", async ({ name, says }) => {
  mkdirSync(join(folder, name));
  expect(await run("dataset", "convert", name)).toBe(2);
  expect(terminal.printed.err).toContain(says);
});

test("a new data set has a name that nnU-Net finds", async () => {
  const source = join(folder, "Task07_Liver");
  mkdirSync(source);
  expect(await run("dataset", "convert", source, "--name", "Liver")).toBe(2);
  expect(terminal.printed.err).toContain("as in Dataset007_Pancreas, but is Liver");
});

test("a data set whose number is taken in one of nnU-Net's folders is not converted; --id chooses another", async () => {
  const raw = join(folder, "raw");
  mkdirSync(join(folder, "results", "Dataset005_Other"), { recursive: true });
  terminal = { ...terminal, environment: { ...terminal.environment, nnUNet_raw: raw } };
  const source = `${join(goldenPath("tools", "conversion", "msd_4d", "in"), "Task05_Prostate")}/`;
  expect(await run("dataset", "convert", source)).toBe(4);
  expect(terminal.printed.err).toContain("the number 5 is taken by Dataset005_Other");
  expect(existsSync(join(raw, "Dataset005_Prostate"))).toBe(false);
  expect(await run("dataset", "convert", source, "--id", "6")).toBe(0);
  expect(readdirSync(raw)).toEqual(["Dataset006_Prostate"]);
});

test("fingerprint keeps an existing one, and --clean computes it again", async () => {
  const file = join(folder, "preprocessed", "Dataset305_Tiny", "dataset_fingerprint.json");
  expect(await run("fingerprint", "305", "--samples", "all")).toBe(0);
  const made = readFileSync(file, "utf8");
  // As Python's json.dump with indent=4 and sort_keys.
  expect(Object.keys(JSON.parse(made) as object)).toEqual(Object.keys(JSON.parse(made) as object).toSorted());
  expect(made).toMatch(
    /^\{\n {4}"foreground_intensity_properties_per_channel": \{\n {8}"0": \{\n {12}"max": /,
  );
  writeFileSync(
    file,
    made.replace(/"median_relative_size_after_cropping": .*,/, '"median_relative_size_after_cropping": 0.5,'),
  );
  expect(await run("fingerprint", "305", "--samples", "all")).toBe(0);
  expect(readFileSync(file, "utf8")).toContain('"median_relative_size_after_cropping": 0.5,');
  expect(await run("fingerprint", "305", "--samples", "all", "--clean")).toBe(0);
  expect(readFileSync(file, "utf8")).toBe(made);
});

test("preprocess skips a configuration that the plans lack, but not if its name is a mistake and nothing is left", async () => {
  expect(await run("fingerprint", "305", "--samples", "all")).toBe(0);
  expect(await run("plan", "305")).toBe(0);
  expect(await run("preprocess", "305", "-c", "3d_lowres")).toBe(0);
  expect(terminal.printed.out).toContain("3d_lowres   skipped: the plans do not have it");
  expect(await run("preprocess", "305", "-c", "3d_fulres")).toBe(2);
  expect(terminal.printed.err).toContain("has no configuration 3d_fulres; did you mean 3d_fullres?");
});

test("dataset show draws each case, and writes a page with all of them", async () => {
  const pages = join(folder, "pages");
  expect(await run("dataset", "show", "303", "305", "--pictures", pages)).toBe(0);
  const [first, second] = ["Dataset303_AnisoMR", "Dataset305_Tiny"].map((name) =>
    readdirSync(join(pages, name)),
  );
  expect([...first!, ...second!].filter((name) => name.endsWith(".png")).length).toBeGreaterThan(8);
  const page = readFileSync(join(pages, "Dataset303_AnisoMR", "index.html"), "utf8");
  expect(page).toMatch(/<main>.*<div tabindex="0" role="group" aria-label="Training cases">.*<\/main>/s);
  const pictures = [...page.matchAll(/src="([^"]+\.png)"/g)].map(([, path]) => path);
  expect(pictures.toSorted()).toEqual(first!.filter((name) => name.endsWith(".png")).toSorted());
});

test("dataset show lists each case of a data set", async () => {
  expect(await run("dataset", "show", "305")).toBe(0);
  expect(terminal.printed.out).toContain("t0");
  const [, head = ""] = terminal.printed.out.split("\n");
  expect(head).toMatch(/^case +size z y x +spacing mm +min … mean … max +labels in ml$/);
});

test("plan and preprocess refuse raw data that have changed since the fingerprint", async () => {
  const raw = join(folder, "raw", "Dataset305_Tiny");
  cpSync(goldenPath("tools", "datasets", "Dataset305_Tiny"), raw, { recursive: true });
  terminal = {
    ...terminal,
    environment: { ...terminal.environment, nnUNet_raw: join(folder, "raw") },
  };
  expect(await run("fingerprint", "305", "--samples", "all")).toBe(0);
  expect(await run("plan", "305")).toBe(0);
  cpSync(join(raw, "labelsTr", "t1.nii.gz"), join(raw, "labelsTr", "t0.nii.gz"));
  expect(await run("plan", "305")).toBe(4);
  expect(await run("preprocess", "305")).toBe(4);
  expect(terminal.printed.err).toContain("labelsTr/t0.nii.gz has changed");
});
