import { expect, test } from "vitest";
import { RandomState } from "../../../src/nnunet/random-state.js";

test("the first numbers are those of numpy's RandomState(1234)", () => {
  const random = new RandomState(1234);
  expect([random.next(), random.next(), random.next()]).toEqual([822569775, 2137449171, 2671936806]);
});

test("a limit of 1 uses no random bits", () => {
  const random = new RandomState(1234);
  expect(random.below(1)).toBe(0);
  expect(random.next()).toBe(822569775);
});

// The numbers are those of numpy's RandomState(1234).choice, with which nnU-Net draws intensities.
test.each([
  { limit: 2, drawn: [1, 1, 0, 1, 0, 0] },
  { limit: 3, drawn: [2, 1, 0, 0, 0, 1] },
  { limit: 64, drawn: [47, 19, 38, 53, 12, 52] },
  { limit: 65, drawn: [47, 38, 53, 24, 15, 49] },
  { limit: 65_536, drawn: [27_439, 58_067, 34_086, 56_373, 60_620, 23_924] },
  { limit: 65_537, drawn: [58_067, 34_086, 60_620, 32_399, 55_985, 41_239] },
  { limit: 1_000_003, drawn: [486_191, 451_283, 165_158, 908_341, 978_124, 220_532] },
])("numbers below $limit are drawn as by numpy", ({ limit, drawn }) => {
  const random = new RandomState(1234);
  expect(drawn.map(() => random.below(limit))).toEqual(drawn);
});

test("a permutation is numpy's", () => {
  expect([...new RandomState(12345).permutation(11)]).toEqual([7, 0, 3, 6, 10, 9, 8, 4, 1, 5, 2]);
});

test("a permutation holds each number once", () => {
  expect([...new RandomState(12345).permutation(5)].sort()).toEqual([0, 1, 2, 3, 4]);
});
