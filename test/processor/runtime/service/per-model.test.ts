import { describe, expect, test } from "vitest";
import { ServedModels } from "../../../../processor/runtime/service/models/served-model.js";
import {
  completeRequest,
  type ModelPart,
} from "../../../../processor/runtime/service/requests/complete-request.js";
import type { SharedFields } from "../../../../processor/runtime/service/schemas/inference-request.js";
import { testModel } from "../../../support/service/test-service.js";

const models = (...defaults: readonly Readonly<Record<string, unknown>>[]) =>
  new ServedModels(defaults.map((defaultArgs, i) => testModel("abc"[i]!, { defaultArgs })));

function partsOf(
  names: string | readonly string[],
  request: SharedFields,
  served = models({}, {}, {}),
): readonly ModelPart[] {
  return completeRequest(names, request, served).models;
}

const each = (key: keyof ModelPart, ...request: Parameters<typeof partsOf>): readonly unknown[] =>
  partsOf(...request).map((part) => part[key]);

describe("a value of a request", () => {
  test.each<[string, keyof ModelPart, string | string[], SharedFields, unknown[]]>([
    ["a scalar is for the one model", "threshold", "a", { proba_threshold: 0.2 }, [0.2]],
    ["a scalar is for every model", "threshold", ["a", "b"], { proba_threshold: 0.2 }, [0.2, 0.2]],
    ["a list has one for each model", "threshold", ["a", "b"], { proba_threshold: [0.1, 0.9] }, [0.1, 0.9]],
    ["a list of one is for every model", "threshold", ["a", "b"], { proba_threshold: [0.3] }, [0.3, 0.3]],
    [
      "folds are those of the one model",
      "folds",
      "a",
      { use_folds: [0, 1, 2, 3, 4] },
      [["0", "1", "2", "3", "4"]],
    ],
    [
      "a flat list of folds is for every model",
      "folds",
      ["a", "b"],
      { use_folds: [0, 1] },
      [
        ["0", "1"],
        ["0", "1"],
      ],
    ],
    [
      "a list of lists has the folds of each",
      "folds",
      ["a", "b"],
      { use_folds: [[0], [1, 2]] },
      [["0"], ["1", "2"]],
    ],
    ["one list of lists of folds is that of one model", "folds", "a", { use_folds: [[3]] }, [["3"]]],
    ["a fold may be a number", "folds", "a", { use_folds: 2 }, [["2"]]],
    ["a class is for every model", "classes", ["a", "b"], { class_idx: 1 }, [[1], [1]]],
    ["classes are those of the one model", "classes", "a", { class_idx: [1, 2] }, [[1, 2]]],
    ["a flat list has one class for each model", "classes", ["a", "b"], { class_idx: [1, 2] }, [[1], [2]]],
    [
      "a list may mix lists, classes and null",
      "classes",
      ["a", "b", "c"],
      { class_idx: [[1, 2], 3, null] },
      [[1, 2], [3], null],
    ],
    ["series are those of the one model", "series", "a", { series_folders: ["T2", "DWI"] }, [["T2", "DWI"]]],
    ["flat series are for every model", "series", ["a", "b"], { series_folders: ["T2"] }, [["T2"], ["T2"]]],
    [
      "one list of series is for every model",
      "series",
      ["a", "b"],
      { series_folders: [["T2"]] },
      [["T2"], ["T2"]],
    ],
    [
      "lists of series are one each",
      "series",
      ["a", "b"],
      { series_folders: [["T2"], ["DWI"]] },
      [["T2"], ["DWI"]],
    ],
    ["mirroring is per model", "usesTta", ["a", "b"], { tta: [true, false] }, [true, false]],
    [
      "small objects are per model",
      "removeSmallerThan",
      ["a", "b"],
      { remove_objects_smaller_than: [0.5, 10] },
      [0.5, 10],
    ],
    [
      "both modes of a cascade may be given",
      "cascadeModes",
      "a",
      { cascade_mode: ["intersect", "crop"] },
      [["intersect", "crop"]],
    ],
    [
      "a checkpoint is for every model",
      "checkpointName",
      ["a", "b"],
      { checkpoint_name: "checkpoint_best.pth" },
      ["checkpoint_best.pth", "checkpoint_best.pth"],
    ],
  ])("%s", (_, key, names, request, expected) => {
    expect(each(key, names, request)).toEqual(expected);
  });

  test("with another number of entries than models is refused, with both numbers", () => {
    expect(() => partsOf(["a", "b"], { proba_threshold: [0.1, 0.2, 0.3] })).toThrow(
      "proba_threshold must have 1 or 2 entries, has 3",
    );
    expect(() => partsOf(["a", "b", "c"], { series_folders: [["x"], ["y"]] })).toThrow(
      "series_folders and nnunet_id must be the same length",
    );
  });
});

describe("what counts", () => {
  const served = models({ tta: false, use_folds: [0, 1], proba_threshold: 0.1 }, { min_intersection: 0.4 });

  test("is the request, then the model's own default, then the schema's", () => {
    expect(each("usesTta", ["a", "b"], {}, served)).toEqual([false, true]);
    expect(each("usesTta", ["a", "b"], { tta: true }, served)).toEqual([true, true]);
    expect(each("usesTta", ["a", "b"], { tta: null }, served)).toEqual([false, true]);
    expect(each("folds", ["a", "b"], {}, served)).toEqual([["0", "1"], ["0"]]);
    expect(each("checkpointName", "a", {}, served)).toEqual(["checkpoint_final.pth"]);
  });

  test("is the value of the request even if it equals the schema's default", () => {
    expect(each("folds", "a", { use_folds: [0] }, served)).toEqual([["0"]]);
  });

  test("of a key that a model lacks is the schema's default, which does not shift the others'", () => {
    const thresholds = models({ proba_threshold: 0.1 }, {}, { proba_threshold: 0.3 });
    expect(each("threshold", ["a", "b", "c"], {}, thresholds)).toEqual([0.1, null, 0.3]);
  });

  test("of keys that are not per model is the last model that has one", () => {
    expect(
      completeRequest(["a", "b"], {}, models({ min_intersection: 0.2 }, { min_intersection: 0.4 }))
        .minIntersection,
    ).toBe(0.4);
    expect(completeRequest(["b", "a"], {}, served).minIntersection).toBe(0.4);
    expect(completeRequest("a", {}, served).minIntersection).toBe(0.1);
  });
});

test("one model in a list and alone are the same request", () => {
  const request: SharedFields = {
    series_folders: ["T2"],
    class_idx: [1],
    proba_threshold: 0.5,
    save_proba_map: true,
  };
  expect(completeRequest(["a"], request, models({}))).toEqual(completeRequest("a", request, models({})));
});

test("a probability map needs a threshold", () => {
  expect(() => partsOf("a", { save_proba_map: true })).toThrow(
    "proba_threshold must be not-None if save_proba_map is True",
  );
});

test("an unknown model is named, with the nearest one", () => {
  const served = new ServedModels([testModel("prostate_zone")]);
  expect(() => partsOf("prostate_zones", {}, served)).toThrow("did you mean prostate_zone?");
});
