import { expect, test } from "vitest";
import { checkMemory } from "../../../../src/targets/simulate/check-run.js";

const gibibyte = 1024 ** 3;

test.each([
  [null, []],
  [gibibyte / 1000, [["pass", "less than 0.01 GiB seen, because the run was too short"]]],
  [2 * gibibyte, [["pass", "at most 2.00 GiB of 8.00 GiB"]]],
  [7 * gibibyte, [["warning", "at most 7.00 GiB of 8.00 GiB"]]],
])("a peak of %s bytes is reported as %j", (peakMemoryBytes, findings) => {
  const found = checkMemory({ peakMemoryBytes }, 8 * gibibyte);
  expect(found.map(({ result, reason }) => [result, reason])).toEqual(findings);
});
