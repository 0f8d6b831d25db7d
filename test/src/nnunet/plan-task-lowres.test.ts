import { expect, test } from "vitest";
import { planTask } from "../../../src/nnunet/planning/v1/plan-dataset-v1.js";

test("v1 looks for the low resolution with sizes that are not rounded", () => {
  const plan = planTask(
    {
      spacings: [
        [1.61, 1.36, 1.32],
        [1.9, 1.1, 1.3983],
        [1.7626, 1.1882, 1.57],
      ],
      sizes: [
        [939, 169, 205],
        [734, 242, 282],
        [652, 225, 270],
      ],
      classes: Array.from({ length: 25 }, (_, i) => i + 1),
      modalities: ["MRI", "CT", "noNorm"],
      sizeReductions: [0.74, 0.3, 0.3],
    },
    "ExperimentPlanner3D_v21",
  );
  // As nnunet 1.7.1 plans these facts; rounded sizes would end one step of 1 % earlier.
  expect(plan.stages[0]).toMatchObject({ medianSize: [440, 125, 157], batchSize: 2 });
  expect(plan.stages[0]!.topology.patch).toEqual([288, 80, 96]);
  expect(plan.stages[0]!.spacing[0]).toBeCloseTo(3.170405545434721, 12);
});
