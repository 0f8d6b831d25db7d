import { expect, test } from "vitest";
import { parameterText } from "../../../src/cli/parameter-text.js";

test.each([
  [243, "243"],
  [999, "999"],
  [15_346, "15.3 thousand"],
  [98_765, "98.8 thousand"],
  [999_600, "1 million"],
  [30_785_984, "30.8 million"],
])("%i parameters are shown in three digits: %s", (count, shown) => {
  expect(parameterText(count)).toBe(shown);
});
