import { expect, test } from "vitest";
import { planTask } from "../../../src/totalsegmentator/plan-task.js";
import { chosenTask } from "../../../src/totalsegmentator/task-table.js";

const planOf = (name: string) =>
  planTask(chosenTask(name), { hasRoiCrop: false, isRobust: false, hasBodyCrop: false });

test("total_v3_small runs the same five parts as total_v3, with the small networks", () => {
  const [big, small] = [planOf("total_v3"), planOf("total_v3_small")];
  expect(small.networks.map(({ plans }) => plans)).toEqual(Array(5).fill("nnUNetResEncUNetLPlans_8"));
  expect(big.networks.map(({ plans }) => plans)).toEqual(Array(5).fill("nnUNetPlans"));
  expect(small.plan.run).toEqual(big.plan.run);
});

test("other tasks have no small networks", () => {
  expect(() => chosenTask("total_small")).toThrow("TotalSegmentator's task total has no mode small");
});
