import { describe, expect, test } from "vitest";
import {
  flagNames,
  predictDefaults,
  settingChoices,
} from "../../../../processor/contract/setting-choices.js";
import {
  refuseTaskOptions,
  runWithOptions,
} from "../../../../processor/runtime/totalsegmentator/run-options.js";
import { modelsInOrder } from "../../../../processor/runtime/totalsegmentator/run-order.js";
import { planTask } from "../../../../src/totalsegmentator/plan-task.js";
import { chosenTask, listTasks, modeNames } from "../../../../src/totalsegmentator/task-table.js";

const image = { hasRoiCrop: true, isRobust: false, hasBodyCrop: false };
const settingsOf = (flags: Readonly<Record<string, unknown>>) =>
  settingChoices(flags, "predict", flagNames).applyTo(predictDefaults());

function datasetsOf(name: string, flags: Readonly<Record<string, unknown>> = {}, needs = image) {
  const { plan, networks } = planTask(chosenTask(name), needs);
  const run = runWithOptions(plan, settingsOf(flags));
  return modelsInOrder(run).map((place) => networks[place]!.dataset);
}

describe("the networks of a task run in TotalSegmentator's order", () => {
  test.each([
    ["total", [291, 292, 293, 294, 295]],
    ["total_mr_fast", [852]],
    ["liver_vessels", [298, 8]],
    ["liver_lesions", [297, 591]],
    ["liver_segments_mr", [852, 576]],
    ["abdominal_muscles", [300, 952]],
    ["teeth", [298, 115, 113]],
    ["headneck_muscles", [298, 778, 779]],
    ["vertebrae_pp_refined", [305, 803]],
  ])("%s", (name, datasets) => {
    expect(datasetsOf(name)).toEqual(datasets);
  });

  test("with roi_subset only the parts that know a wanted class, after a rough model", () => {
    expect(datasetsOf("total", { "roi-subset": "liver,vertebrae_L1" })).toEqual([298, 291, 292]);
    expect(datasetsOf("total_mr", { "roi-subset": "liver" })).toEqual([852, 850]);
  });
});

test("every task and mode has a plan whose labels are those of the task", () => {
  for (const name of listTasks().flatMap(modeNames)) {
    const { plan, networks } = planTask(chosenTask(name), image);
    const known = new Set(plan.run.classes.map(({ value }) => value));
    const ofParts = new Set(plan.run.parts.flatMap(({ labelMap }) => labelMap));
    expect([...known].filter((label) => !ofParts.has(label))).toEqual([]);
    expect(new Set(networks.map(({ dataset }) => dataset)).size).toBe(networks.length);
  }
});

describe("options that a task does not have are refused", () => {
  test.each([
    ["body", { "roi-subset": "body_trunc" }, /for the tasks total…/],
    ["total", { "roi-subset": "livr" }, /no class livr; did you mean liver\?/],
    ["total", { "robust-crop": true, "roi-subset": "liver" }, /rough model of 3 mm/],
    ["total", { "body-seg": true }, /rough model of the body/],
    ["liver_vessels", { "body-seg": true }, /not for the task liver_vessels/],
    ["body", { "v1-order": true }, /v1_order is for the task total/],
    ["total", { "save-lowres": true }, /modes fast and fastest/],
    ["total_fast", { "save-lowres": true, "roi-subset": "liver" }, /cannot be used with a crop/],
  ])("%s with %o", (name, flags, message) => {
    expect(() => datasetsOf(name, flags)).toThrow(message);
  });

  test("by other models, with all that were given", () => {
    expect(() => refuseTaskOptions(settingsOf({ "per-class": true, statistics: "basic" }))).toThrow(
      /per_class, statistics: only for models of totalsegmentator:TASK/,
    );
  });
});
