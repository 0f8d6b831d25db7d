import { expect, test } from "vitest";
import { amount, explainPlans } from "../../../src/nnunet/planning/explain-plan.js";
import type { MadePlans } from "../../../src/nnunet/planning/make-plans.js";
import { planConfiguration } from "../../../src/nnunet/planning/plan-configuration.js";
import { planDataset } from "../../../src/nnunet/planning/plan-dataset.js";
import { planPicture } from "../../../src/nnunet/planning/plan-picture.js";
import { planners } from "../../../src/nnunet/planning/planners.js";

/** Explains the plans of a data set of three equal images. */
function explained(
  size: readonly number[],
  { spacingMmZyx = null, planner = "ExperimentPlanner" as keyof typeof planners } = {},
): string {
  const fingerprint = {
    spacings: [size, size, size].map(() => [1, 1, 1]),
    shapesAfterCrop: [size, size, size],
    medianRelativeSize: 1,
    intensities: null,
  };
  const plan = planDataset(
    { ...fingerprint, caseCount: 3, labelCount: 2 },
    { constants: planners[planner], gigabytes: null, spacingMmZyx },
  );
  const reasons = explainPlans({ plan, fingerprint } as unknown as MadePlans);
  return reasons
    .map(({ configuration, subject, value, because }) => [configuration, subject, value, because].join("|"))
    .join("\n");
}

test("a large 2-D patch of the default planner needs memory for two, not for the reference's twelve", () => {
  const text = explained([1, 1500, 1500]);
  expect(text).toMatch(/2d\|patch\|.*within the 510 million values that 8 GB hold for each of 2 patches/);
});

test("2-D patches of residual planners need memory for twelve", () => {
  const text = explained([1, 1500, 1500], { planner: "nnUNetPlannerResEncM" });
  expect(text).toMatch(/2d\|patch\|.*within the 135 million values that 8 GB hold for each of 12 patches/);
  expect(text).toMatch(/2d\|batch\|.*100 % of all voxels of the data set make/);
});

test("a patch larger than the median image is said to be, and small networks have thousands of values", () => {
  const text = explained([9, 13, 13]);
  expect(text).toContain("none|the 3-D patch is at least as large as a median image");
  expect(text).toMatch(/its feature maps have \d+ thousand values/);
});

test("the picture of a network of one stage is as wide as its heading", () => {
  const constants = planners.nnUNetPlannerResEncL;
  const planned = planConfiguration({
    spacing: [1, 1, 1],
    medianSize: [7, 3, 2],
    datasetVoxels: 42,
    constants,
    gigabytes: 24,
    labelCount: 2,
  });
  const title = "Dataset123_AnUnusuallyLongNameOfADataSet 3d_fullres";
  const width = Number(/width="(\d+)"/.exec(planPicture({ title, planned, constants }))![1]);
  expect(width).toBeGreaterThan(title.length * 10);
});

test("a few values are thousands, and millions have a decimal if they are few", () => {
  expect([amount(35_200), amount(3_450_000), amount(560e6)]).toEqual([
    "35 thousand",
    "3.5 million",
    "560 million",
  ]);
});
