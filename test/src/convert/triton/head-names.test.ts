import { expect, test } from "vitest";
import { headNames } from "../../../../src/convert/triton/head-names.js";

test("the channels of a softmax model have the names of the labels in the order of their values", () => {
  const names = [
    { name: "background", value: 0 },
    { name: "tumour", value: 2 },
    { name: "liver", value: 1 },
    { name: "ignore", value: 3 },
  ];
  const labels = { names, foregroundLabels: [1, 2], regionsClassOrder: null, ignoreLabel: 3 };
  expect(headNames(labels, 3)).toEqual(["background", "liver", "tumour"]);
});

test("the channels of a region model have the names of the regions in the order of dataset.json", () => {
  const names = [
    { name: "background", value: 0 },
    { name: "whole tumour", value: [1, 2, 3] },
    { name: "core", value: [2, 3] },
    { name: "enhancing", value: 3 },
  ];
  const labels = { names, foregroundLabels: [1, 2, 3], regionsClassOrder: [1, 2, 3], ignoreLabel: null };
  expect(headNames(labels, 3)).toEqual(["whole tumour", "core", "enhancing"]);
});

test("a channel without a name has its number", () => {
  const labels = { names: [], foregroundLabels: [1], regionsClassOrder: null, ignoreLabel: null };
  expect(headNames(labels, 2)).toEqual(["head 0", "head 1"]);
});
