import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { planDataset } from "../../src/nnunet/planning/plan-dataset.js";
import { type PlannerName, planners } from "../../src/nnunet/planning/planners.js";
import { plansJson } from "../../src/nnunet/planning/plans-json.js";
import { goldenPath } from "../support/golden.js";

interface Golden {
  readonly dataset_json: {
    readonly channel_names?: Readonly<Record<string, string>>;
    readonly modality?: Readonly<Record<string, string>>;
    readonly labels: Readonly<Record<string, unknown>>;
    readonly numTraining: number;
  };
  readonly fingerprint: {
    readonly spacings: readonly (readonly number[])[];
    readonly shapes_after_crop: readonly (readonly number[])[];
    readonly median_relative_size_after_cropping: number;
  };
  readonly runs: readonly {
    readonly planner: PlannerName;
    readonly args: {
      readonly gpu_memory_target_in_gb?: number;
      readonly overwrite_plans_name?: string;
      readonly overwrite_target_spacing?: readonly string[];
    };
    readonly plans: Readonly<Record<string, unknown>> & {
      readonly dataset_name: string;
      readonly image_reader_writer: string;
    };
    readonly lowres_dropped: boolean;
  }[];
}

const folder = goldenPath("tools", "planning-v2");
const runs = readdirSync(folder).flatMap((file) => {
  const golden = JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString()) as Golden;
  return golden.runs.map((run) => ({
    name: `${file.slice(0, -".json.gz".length)} ${run.planner} ${JSON.stringify(run.args)}`,
    golden,
    run,
  }));
});

test("there are 494 planner runs", () => {
  expect(runs).toHaveLength(494);
});

test.each(runs)("$name", ({ golden: { dataset_json, fingerprint }, run }) => {
  const constants = planners[run.planner];
  const { overwrite_plans_name, overwrite_target_spacing, gpu_memory_target_in_gb } = run.args;
  const plan = planDataset(
    {
      spacings: fingerprint.spacings,
      shapesAfterCrop: fingerprint.shapes_after_crop,
      caseCount: dataset_json.numTraining,
      labelCount: Object.keys(dataset_json.labels).length,
    },
    {
      constants,
      gigabytes: gpu_memory_target_in_gb ?? null,
      spacingMmZyx: overwrite_target_spacing?.map(Number) ?? null,
    },
  );
  const plans = plansJson({
    plan,
    planner: run.planner,
    constants,
    plansName: overwrite_plans_name ?? constants.plansName,
    datasetName: run.plans.dataset_name,
    imageReader: run.plans.image_reader_writer,
    preprocessor: "DefaultPreprocessor",
    channelNames: Object.values(dataset_json.channel_names ?? dataset_json.modality ?? {}),
    medianRelativeSize: fingerprint.median_relative_size_after_cropping,
    intensities: null,
  });
  const { foreground_intensity_properties_per_channel: _, ...others } = plans;
  expect(rounded(others)).toEqual(rounded(run.plans));
  expect(Object.keys(others)).toEqual(Object.keys(run.plans));
});

/** Rounds fractions to 12 digits: products of spacings may differ in the last one. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === "number" ? Number(item.toPrecision(12)) : item,
  );
