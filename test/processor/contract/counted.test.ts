import { expect, test } from "vitest";
import { counted } from "../../../processor/contract/counted.js";

test.each([
  [0, "0 axes"],
  [1, "1 axis"],
  [2, "2 axes"],
])("%i axes", (count, words) => {
  expect(counted(count, "axis", "axes")).toBe(words);
});
