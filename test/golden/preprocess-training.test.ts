import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { silentProgress } from "../../processor/contract/progress/progress.js";
import { Field } from "../../src/checkpoint/fields.js";
import { resolveConfiguration } from "../../src/checkpoint/nnunet-v2/configuration.js";
import { readInferencePlan } from "../../src/checkpoint/nnunet-v2/inference-plan.js";
import { readDatasetJson } from "../../src/nnunet/datasets/dataset-json.js";
import type { ImageReaderName } from "../../src/nnunet/datasets/image-reader.js";
import { readJsonObject } from "../../src/nnunet/files/read-json.js";
import {
  classLocations,
  locationKeys,
  locationRows,
} from "../../src/nnunet/preprocessing/class-locations.js";
import { type PreprocessedCase, preprocessCase } from "../../src/nnunet/preprocessing/preprocess-case.js";
import { preprocessDataset } from "../../src/nnunet/preprocessing/preprocess-dataset.js";
import { crossValidationSplits, randomSplit, type Split } from "../../src/nnunet/preprocessing/splits.js";
import { difference, goldenPath, readNpyGz } from "../support/golden.js";

const datasets = goldenPath("tools", "datasets");
const cases = readdirSync(datasets)
  .filter((name) => existsSync(join(datasets, name, "expected_preprocessed")))
  .flatMap((dataset) =>
    ["2d", "3d_fullres"].flatMap((configuration) =>
      readdirSync(join(datasets, dataset, "expected_preprocessed", configuration))
        .filter((file) => file.endsWith("_data.npy.gz"))
        .map((file) => ({ dataset, configuration, id: file.slice(0, -"_data.npy.gz".length) })),
    ),
  );

/** Reads a label map or locations, whose numbers are whole. */
function integersOf(path: string): readonly number[] {
  const bytes = gunzipSync(readFileSync(path));
  const start = 10 + bytes.readUInt16LE(8);
  const type = /'descr': '.(i\d)'/.exec(bytes.toString("latin1", 10, start))![1];
  const body = new Uint8Array(bytes.subarray(start)).buffer;
  if (type === "i1") return [...new Int8Array(body)];
  return type === "i2" ? [...new Int16Array(body)] : [...new BigInt64Array(body)].map(Number);
}

async function prepared(dataset: string, configuration: string, id: string): Promise<PreprocessedCase> {
  const rawFolder = join(datasets, dataset);
  const json = await readDatasetJson(rawFolder);
  const plans = new Field(await readJsonObject(join(rawFolder, "expected_nnUNetPlans.json")), "plans");
  const plan = readInferencePlan({
    plans,
    configuration: resolveConfiguration(plans, configuration),
    dataset: new Field(json.raw, "dataset"),
    imageChannels: json.channelNames.length,
    mirrorAxes: [],
  });
  const images = readdirSync(join(rawFolder, "imagesTr")).filter((file) => file.startsWith(`${id}_`));
  return preprocessCase({
    reader: plan.imageReader as ImageReaderName,
    images: images.toSorted().map((file) => join(rawFolder, "imagesTr", file)),
    label: join(rawFolder, "labelsTr", `${id}.nii.gz`),
    plan,
    channelNames: json.channelNames,
    locationKeys: locationKeys(json),
  });
}

describe.each(cases)("$dataset $configuration $id", ({ dataset, configuration, id }) => {
  const file = (ending: string) =>
    join(datasets, dataset, "expected_preprocessed", configuration, `${id}_${ending}`);
  let own: PreprocessedCase;
  beforeAll(async () => {
    own = await prepared(dataset, configuration, id);
  });

  test("is preprocessed as by nnU-Net", () => {
    const expected = readNpyGz(file("data.npy.gz"));
    expect([own.channelCount, ...own.sizeZyx]).toEqual(expected.shape);
    // Both resample splines, but float32 between the axes is not float64.
    expect(difference(own.data, expected.data).max).toBeLessThan(1e-5);
  });

  test("has nnU-Net's resampled labels", () => {
    expect([...own.segmentation]).toEqual(integersOf(file("seg.npy.gz")));
  });

  test("has nnU-Net's class locations, drawn from its labels", async () => {
    const json = await readDatasetJson(join(datasets, dataset));
    const seg = Int16Array.from(integersOf(file("seg.npy.gz")));
    for (const { key, indices } of classLocations(seg, locationKeys(json))) {
      const path = file(`class_locations_${key.values.join("_")}.npy.gz`);
      expect([...locationRows(indices, own.sizeZyx)]).toEqual(integersOf(path));
    }
  });
});

describe("folds", () => {
  const golden = JSON.parse(readFileSync(goldenPath("tools", "splits.json"), "utf8")) as {
    readonly five_fold: readonly {
      readonly identifiers: readonly string[];
      readonly splits: readonly Split[];
    }[];
    readonly fold_beyond_list: readonly ({
      readonly identifiers: readonly string[];
      readonly fold: number;
    } & Split)[];
  };

  test.each(golden.five_fold)("of a cross-validation are nnU-Net's (%#)", ({ identifiers, splits }) => {
    expect(crossValidationSplits(identifiers.toReversed())).toEqual(splits);
  });

  test.each(golden.fold_beyond_list)(
    "beyond the list are nnU-Net's (%#)",
    ({ identifiers, fold, train, val }) => {
      expect(randomSplit(identifiers, fold)).toEqual({ train, val });
    },
  );

  test("need at least five cases", () => {
    expect(crossValidationSplits(["a", "b", "c", "d"])).toBeNull();
  });
});

test("a stopped run continues with the cases that are missing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "preprocess-"));
  const rawFolder = join(datasets, "Dataset304_Brain");
  cpSync(join(rawFolder, "expected_nnUNetPlans.json"), join(folder, "nnUNetPlans.json"));
  const place = { name: "Dataset304_Brain", rawFolder, preprocessedFolder: folder };
  const settings = {
    plansName: "nnUNetPlans",
    configurations: ["3d_fullres", "3d_lowres"],
    writesSplits: true,
    allowsChanges: false,
    format: "b2nd" as const,
  };
  const stop = new AbortController();
  const tools = { workers: 1, progress: silentProgress, environment: {} };
  const stopping = {
    ...silentProgress,
    start: () => ({ advance: () => stop.abort(new Error("stopped")), done: () => {} }),
  };
  await expect(
    preprocessDataset(place, settings, { ...tools, progress: stopping, signal: stop.signal }),
  ).rejects.toThrow("stopped");
  const report = await preprocessDataset(place, settings, { ...tools, signal: new AbortController().signal });
  expect(report.configurations).toMatchObject([
    { name: "3d_fullres", cases: 6, continued: 1 },
    { name: "3d_lowres", skipped: "not-in-plans" },
  ]);
  expect(readdirSync(join(folder, "nnUNetPlans_3d_fullres"))).toHaveLength(18);
  expect(readdirSync(folder).toSorted()).toEqual([
    "dataset.json",
    "gt_segmentations",
    "nnUNetPlans.json",
    "nnUNetPlans_3d_fullres",
    "splits_final.json",
  ]);
});
