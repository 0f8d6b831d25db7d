import { expect, test } from "vitest";
import { formatDuration } from "../../viewer/src/dom/format.js";

test.each([
  [0.2, "less than a second"],
  [1, "about 1 second"],
  [73, "about 73 seconds"],
  [600, "about 10 minutes"],
  [6000, "about 2 hours"],
])("a duration of %f seconds is %s", (seconds, words) => {
  expect(formatDuration(seconds)).toBe(words);
});
