import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { main } from "../../../src/cli/main.js";
import { goldenPath } from "../../support/golden.js";
import { type TestTerminal, testTerminal } from "../../support/programs/test-terminal.js";

// What nnU-Net 2.8.1 does was seen with its own planner and preprocessor.

const dataset = "Dataset305_Tiny";
let folder: string;
let terminal: TestTerminal;
let raw: string;
let preprocessed: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "plan-files-"));
  raw = join(folder, "raw", dataset);
  preprocessed = join(folder, "pre", dataset);
  cpSync(goldenPath("tools", "datasets", dataset), raw, { recursive: true });
  cpSync(join(raw, "expected_fingerprint.json"), join(preprocessed, "dataset_fingerprint.json"));
  terminal = testTerminal(folder, {
    nnUNet_raw: join(folder, "raw"),
    nnUNet_preprocessed: join(folder, "pre"),
    nnUNet_results: join(folder, "res"),
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

const run = (...args: readonly string[]): Promise<number> => main(args, terminal);

const json = (path: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path, "utf8")) as Record<string, unknown>;

test("the intensities of a fingerprint without foreground stay NaN in the plans", async () => {
  const path = join(preprocessed, "dataset_fingerprint.json");
  writeFileSync(path, readFileSync(path, "utf8").replace(/"(mean|std|median)": [^,\n]+/g, '"$1": NaN'));
  expect(await run("plan", dataset)).toBe(0);
  const plans = readFileSync(join(preprocessed, "nnUNetPlans.json"), "utf8");
  expect(plans).toContain('"std": NaN');
  expect(plans).not.toContain('"std": null');
});

test("CT without statistics is refused before nnU-Net's NaN, but other channels need none", async () => {
  const path = join(preprocessed, "dataset_fingerprint.json");
  const text = readFileSync(path, "utf8").replace(/"(mean|std|median)": [^,\n]+/g, '"$1": NaN');
  writeFileSync(path, text);
  expect(await run("plan", dataset)).toBe(0);
  expect(await run("preprocess", dataset, "-c", "2d")).toBe(0);
  const json = readFileSync(join(raw, "dataset.json"), "utf8");
  writeFileSync(join(raw, "dataset.json"), json.replace('"MR"', '"CT"'));
  expect(await run("plan", dataset)).toBe(0);
  expect(await run("preprocess", dataset, "-c", "2d")).toBe(4);
  expect(terminal.printed.err).toContain("mean and std of this CT channel are not numbers");
});

test("a spacing that leaves an axis without voxels is refused", async () => {
  // nnU-Net stops with `OverflowError: cannot convert float infinity to integer`.
  expect(await run("plan", dataset, "--target-spacing", "900", "1", "1")).toBe(3);
  expect(terminal.printed.err).toContain("PLAN_IMPOSSIBLE");
  expect(terminal.printed.err).toContain("has none at a spacing of 900 × 1 × 1 mm");
});

test("dataset.json is copied byte for byte", async () => {
  writeFileSync(
    join(raw, "dataset.json"),
    readFileSync(join(raw, "dataset.json"), "utf8").replace("5", " 5 "),
  );
  expect(await run("plan", dataset)).toBe(0);
  expect(readFileSync(join(preprocessed, "dataset.json"))).toEqual(readFileSync(join(raw, "dataset.json")));
});

const fold = (train: readonly string[], val: readonly string[]) => ({ train, val });

test("folds of the raw folder are copied for training", async () => {
  const splits = [fold(["t0", "t1"], ["t2"])];
  writeFileSync(join(raw, "splits_final.json"), JSON.stringify(splits));
  expect(await run("plan", "explain", dataset)).toBe(0);
  expect(readdirSync(preprocessed)).not.toContain("splits_final.json");
  expect(await run("plan", dataset)).toBe(0);
  expect(json(join(preprocessed, "splits_final.json"))).toEqual(splits);
});

test("further folds of the preprocessed folder stay, but other cases are refused", async () => {
  writeFileSync(join(raw, "splits_final.json"), JSON.stringify([fold(["t0", "t1"], ["t2"])]));
  const used = join(preprocessed, "splits_final.json");
  writeFileSync(used, JSON.stringify([fold(["t1", "t0"], ["t2"]), fold(["t3"], ["t4"])]));
  expect(await run("plan", dataset)).toBe(0);
  expect(json(used)).toHaveLength(2);
  // nnU-Net stops with an AssertionError.
  writeFileSync(used, JSON.stringify([fold(["t0"], ["t2"])]));
  expect(await run("plan", dataset)).toBe(4);
  expect(terminal.printed.err).toContain("fold 0 of");
});

interface PlansFile {
  configurations: Record<string, Record<string, unknown>>;
}

function addConfigurations(further: PlansFile["configurations"]): void {
  const path = join(preprocessed, "nnUNetPlans.json");
  const plans = json(path) as unknown as PlansFile;
  writeFileSync(path, JSON.stringify({ ...plans, configurations: { ...plans.configurations, ...further } }));
}

test("a configuration that inherits has data of its own if it names some", async () => {
  expect(await run("plan", dataset)).toBe(0);
  addConfigurations({
    coarse: { inherits_from: "3d_fullres", data_identifier: "nnUNetPlans_coarse", spacing: [2, 2, 2] },
    larger: { inherits_from: "3d_fullres", batch_size: 4 },
  });
  expect(await run("preprocess", dataset, "-c", "larger", "3d_fullres", "coarse")).toBe(0);
  expect(terminal.printed.out).toContain("larger      uses the data of 3d_fullres");
  expect(readdirSync(join(preprocessed, "nnUNetPlans_coarse"))).toHaveLength(15);
  expect(readdirSync(join(preprocessed, "nnUNetPlans_3d_fullres"))).toHaveLength(15);
});

test("a configuration without data of its own makes those of its parent if only it is wanted", async () => {
  expect(await run("plan", dataset)).toBe(0);
  addConfigurations({ larger: { inherits_from: "3d_fullres", batch_size: 4 } });
  expect(await run("preprocess", dataset, "-c", "larger")).toBe(0);
  expect(readdirSync(join(preprocessed, "nnUNetPlans_3d_fullres"))).toHaveLength(15);
});

test("copies of the labels are called by their cases, whatever the files are called", async () => {
  const ids = ["t0", "t1", "t2", "t3", "t4"];
  renameSync(join(raw, "labelsTr", "t1.nii.gz"), join(raw, "labelsTr", "t1_seg.nii.gz"));
  // Two cases share an image and its label.
  const files = (id: string) => {
    const file = id === "t2" ? "t1" : id;
    return {
      images: [`imagesTr/${file}_0000.nii.gz`],
      label: `labelsTr/${file === "t1" ? "t1_seg" : file}.nii.gz`,
    };
  };
  const listed = Object.fromEntries(ids.map((id) => [id, files(id)]));
  writeFileSync(
    join(raw, "dataset.json"),
    JSON.stringify({ ...json(join(raw, "dataset.json")), dataset: listed }),
  );
  expect(await run("plan", dataset)).toBe(0);
  expect(await run("preprocess", dataset, "-c", "2d")).toBe(0);
  expect(readdirSync(join(preprocessed, "gt_segmentations"))).toEqual(ids.map((id) => `${id}.nii.gz`));
});

test("configurations that somebody added to the plans stay behind those of a new plan, which replace their own", async () => {
  expect(await run("plan", dataset)).toBe(0);
  const file = join(preprocessed, "nnUNetPlans.json");
  const plans = json(file) as { readonly configurations: Readonly<Record<string, object>> };
  const own = { inherits_from: "2d", batch_size: 20 };
  const changed = { own, ...plans.configurations, "2d": { batch_size: 1 } };
  writeFileSync(file, JSON.stringify({ ...plans, configurations: changed }));
  expect(await run("plan", dataset)).toBe(0);
  expect(Object.entries(json(file)["configurations"] as object)).toEqual([
    ...Object.entries(plans.configurations),
    ["own", own],
  ]);
});

test("copies of the labels are replaced by newer labels only", async () => {
  const labels = (name: string): string => join(raw, "labelsTr", name);
  const copy = (name: string): string => join(preprocessed, "gt_segmentations", name);
  expect(await run("plan", dataset)).toBe(0);
  expect(await run("preprocess", dataset, "-c", "2d")).toBe(0);
  for (const name of ["t0.nii.gz", "t1.nii.gz"]) writeFileSync(copy(name), "changed");
  const [past, future] = [new Date(2000, 0), new Date(2100, 0)];
  utimesSync(labels("t0.nii.gz"), past, past);
  utimesSync(labels("t1.nii.gz"), future, future);
  expect(await run("preprocess", dataset, "-c", "2d")).toBe(0);
  expect(readFileSync(copy("t0.nii.gz"), "utf8")).toBe("changed");
  expect(readFileSync(copy("t1.nii.gz"))).toEqual(readFileSync(labels("t1.nii.gz")));
});
