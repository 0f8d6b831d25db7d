import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { planTask } from "../../src/nnunet/planning/v1/plan-dataset-v1.js";
import type { PlannerNameV1 } from "../../src/nnunet/planning/v1/planners-v1.js";
import { plansV1 } from "../../src/nnunet/planning/v1/plans-v1.js";
import { goldenPath } from "../support/golden.js";

interface Golden {
  readonly input: {
    readonly all_sizes: readonly (readonly number[])[];
    readonly all_spacings: readonly (readonly number[])[];
    readonly all_classes: readonly number[];
    readonly modalities: readonly string[];
    readonly size_reduction_of_every_case: number;
  };
  readonly plans: Readonly<Record<PlannerNameV1, { readonly plans: Readonly<Record<string, unknown>> }>>;
}

const folder = goldenPath("tools", "planning-v1");
const runs = readdirSync(folder).flatMap((file) => {
  const golden = JSON.parse(gunzipSync(readFileSync(join(folder, file))).toString()) as Golden;
  return (Object.keys(golden.plans) as PlannerNameV1[]).map((planner) => ({
    name: `${file.slice(0, -".json.gz".length)} ${planner}`,
    input: golden.input,
    planner,
    expected: golden.plans[planner].plans,
  }));
});

test.each(runs)("$name", ({ input, planner, expected }) => {
  const plan = planTask(
    {
      spacings: input.all_spacings,
      sizes: input.all_sizes,
      classes: input.all_classes,
      modalities: input.modalities,
      sizeReductions: input.all_sizes.map(() => input.size_reduction_of_every_case),
    },
    planner,
  );
  const plans = plansV1(plan, { classes: input.all_classes, modalities: input.modalities });
  expect(rounded(plans)).toEqual(rounded(expected));
});

/** Rounds fractions to 9 digits, because products of spacings may differ in the last one of 16. */
const rounded = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (_, item: unknown) =>
    typeof item === "number" ? Number(item.toPrecision(9)) : item,
  );
