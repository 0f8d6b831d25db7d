import { readFileSync } from "node:fs";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { evaluate } from "../../src/nnunet/evaluation/evaluate.js";
import { goldenPath } from "../support/golden.js";
import { valuesOf } from "../support/values-of.js";

interface Run {
  readonly folder: string;
  readonly run: string;
  readonly command: string;
  readonly argv: readonly string[];
  readonly error: { readonly type: string } | null;
  readonly summary: string | null;
}

const goldenJson = (...parts: readonly string[]): unknown =>
  JSON.parse(readFileSync(goldenPath("tools", "evaluation", ...parts), "utf8"));

const runs = goldenJson("runs.json") as readonly Run[];

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "evaluation-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function evaluateRun(run: Run): Promise<string> {
  await cp(goldenPath("tools", "evaluation", run.folder), folder, { recursive: true });
  return evaluateIn(run);
}

async function evaluateIn({ command, argv }: Run): Promise<string> {
  const labels = valuesOf(argv, "-l").map(Number);
  const [ignoreLabel] = valuesOf(argv, "-il").map(Number);
  const { summaryFile } = await evaluate({
    referenceFolder: "gt",
    predictionFolder: "pred",
    currentDirectory: folder,
    datasetJson: command === "nnUNetv2_evaluate_folder" ? "dataset.json" : null,
    labels: labels.length > 0 ? labels : null,
    ignoreLabel: ignoreLabel ?? null,
    allowMissing: argv.includes("--chill"),
    nnunetVersion: 2,
    summaryFile: valuesOf(argv, "-o")[0]?.replace("DIR/", "") ?? null,
    toleranceMm: null,
    progress: silentProgress,
    signal: new AbortController().signal,
  });
  return readFile(summaryFile, "utf8");
}

describe.each(runs.filter(({ summary }) => summary !== null))("$folder, $run", (run) => {
  test("writes the summary.json of nnU-Net, byte for byte", async () => {
    const expected = await readFile(goldenPath("tools", "evaluation", run.folder, run.summary!), "utf8");
    expect(await evaluateRun(run)).toBe(expected.replaceAll("DIR/", ""));
  });
});

/** The codes for what stops nnU-Net. */
const codes: Readonly<Record<string, string>> = {
  "labels output_not_json": "USAGE",
  "missing_prediction strict": "PREDICTION_MISSING",
  "missing_prediction simple_strict": "PREDICTION_MISSING",
  "extra_prediction folder": "REFERENCE_MISSING",
  "extra_prediction chill": "REFERENCE_MISSING",
  "shape_mismatch folder": "GEOMETRY_MISMATCH",
  "no_predictions chill": "INPUT_NOT_FOUND",
};

describe.each(runs.filter(({ summary }) => summary === null))("$folder, $run", (run) => {
  test("is refused, as nnU-Net stops with $error.type", async () => {
    await expect(evaluateRun(run)).rejects.toMatchObject({ code: codes[`${run.folder} ${run.run}`] });
  });
});

interface RunOfV1 {
  readonly argv: readonly string[];
  readonly error: { readonly type: string } | null;
  readonly summary_text: string | null;
}

const casesOfV1 = [
  ["class_never_present", "expected_v1_12.json"],
  ["labels", "expected_v1_0123.json"],
  ["labels", "expected_v1_123.json"],
  ["missing_prediction", "expected_v1_12.json"],
  ["shape_mismatch", "expected_v1_1.json"],
] as const;

/** A time and a number derived from it are different in every run. */
const withoutTime = (text: string): string =>
  text.replace(/"id": "[0-9a-f]{12}"/, "").replace(/"timestamp": "[^"]*"/, "");

test.each(casesOfV1)("writes or refuses %s, %s as nnU-Net v1", async (name, file) => {
  const run = goldenJson(name, file) as RunOfV1;
  await cp(goldenPath("tools", "evaluation", name), folder, { recursive: true });
  const written = evaluate({
    referenceFolder: "gt",
    predictionFolder: "pred",
    currentDirectory: folder,
    datasetJson: null,
    labels: valuesOf(run.argv, "-l").map(Number),
    ignoreLabel: null,
    allowMissing: false,
    nnunetVersion: 1,
    summaryFile: null,
    toleranceMm: null,
    progress: silentProgress,
    signal: new AbortController().signal,
  });
  if (run.summary_text === null) {
    await expect(written).rejects.toMatchObject({ exitCode: expect.any(Number) as number });
    return;
  }
  const text = await readFile((await written).summaryFile, "utf8");
  expect(withoutTime(text)).toBe(withoutTime(run.summary_text.replaceAll("DIR/", "")));
});

test("refuses a data set without a label to score, where nnU-Net stops with an IndexError", async () => {
  const run = runs.find(({ folder: name, command }) => name === "labels" && /folder/.test(command))!;
  await cp(goldenPath("tools", "evaluation", "labels"), folder, { recursive: true });
  const dataset = { labels: { background: 0 }, file_ending: ".nii.gz" };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(dataset));
  await expect(evaluateIn(run)).rejects.toMatchObject({ code: "LABELS_UNKNOWN" });
});

test("scores labels in a TIFF of several pages without a dataset.json", async () => {
  for (const name of ["gt", "pred"])
    await cp(join("test", "fixtures", "tiff", "pages.tif"), join(folder, name, "case.tif"));
  const run = runs.find(({ argv }) => argv.includes("-l"))!;
  const { metric_per_case } = JSON.parse(
    (await evaluateIn({ ...run, argv: ["-l", "0"] })).replaceAll("NaN", "null"),
  ) as { readonly metric_per_case: readonly { readonly metrics: Readonly<Record<string, object>> }[] };
  expect(metric_per_case).toHaveLength(1);
  expect(metric_per_case[0]!.metrics["0"]).toMatchObject({ FP: 0, FN: 0, TN: expect.any(Number) as number });
});
