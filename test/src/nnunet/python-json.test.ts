import { expect, test } from "vitest";
import { mean, nanMean } from "../../../src/nnunet/numpy-mean.js";
import { floatText, PythonFloat, type PythonJson, pythonJson } from "../../../src/nnunet/python-json.js";

test.each([
  [0.1, "0.1"],
  [4, "4.0"],
  [-0, "-0.0"],
  [1e-5, "1e-05"],
  [1.5e-7, "1.5e-07"],
  [0.0001, "0.0001"],
  [1e16, "1e+16"],
  [123456789012345680, "1.2345678901234568e+17"],
  [1e15, "1000000000000000.0"],
  [1e100, "1e+100"],
  [Number.NaN, "NaN"],
  [Number.NEGATIVE_INFINITY, "-Infinity"],
])("writes the float %d as Python does", (value, text) => {
  expect(floatText(value)).toBe(text);
});

test("keeps the order of a map's keys, or sorts them, and escapes what is not ASCII", () => {
  const value = new Map<string, PythonJson>([
    ["b", new PythonFloat(4)],
    ["1", 4],
    ["a", "größe"],
  ]);
  expect(pythonJson(value, { sortKeys: false })).toBe(
    '{\n    "b": 4.0,\n    "1": 4,\n    "a": "gr\\u00f6\\u00dfe"\n}',
  );
  expect(pythonJson(value, { sortKeys: true })).toBe(
    '{\n    "1": 4,\n    "a": "gr\\u00f6\\u00dfe",\n    "b": 4.0\n}',
  );
});

test("writes empty lists and objects on one line", () => {
  expect(pythonJson({ a: [], b: {}, c: [[1]] }, { sortKeys: false })).toBe(
    '{\n    "a": [],\n    "b": {},\n    "c": [\n        [\n            1\n        ]\n    ]\n}',
  );
});

test("sums in numpy's order, which differs from a plain loop", () => {
  // numpy.mean([0.1, 0.2, …, 1.3] repeated to 300 values), computed by numpy 2
  const values = Array.from({ length: 300 }, (_, i) => ((i % 13) + 1) / 10);
  expect(mean(values)).toBe(0.6980000000000001);
  expect(nanMean([Number.NaN, 1, 2])).toBe(1.5);
  expect(nanMean([Number.NaN])).toBeNaN();
});
