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

test("a permutation holds each number once", () => {
  expect([...new RandomState(12345).permutation(5)].sort()).toEqual([0, 1, 2, 3, 4]);
});
