import { expect, test } from "vitest";
import { SampleDraws } from "../../../src/nnunet/fingerprint/sample-draws.js";
import { RandomState } from "../../../src/nnunet/random-state.js";

/** Counts one draw after the other. */
function countOneByOne(random: RandomState, limit: number, draws: number): Uint32Array {
  const counts = new Uint32Array(limit);
  for (let i = 0; i < draws; i++) counts[random.below(limit)]! += 1;
  return counts;
}

test("the channels of a case share the numbers, and the next case starts with the first ones again", () => {
  const channels = [
    { limit: 1, draws: 10 },
    { limit: 3, draws: 2000 },
    { limit: 70_000, draws: 1_000_000 },
    { limit: 65, draws: 1 },
    { limit: 64, draws: 5000 },
  ];
  for (const _case of ["first", "second"]) {
    const samples = new SampleDraws();
    const random = new RandomState(1234);
    for (const { limit, draws } of channels)
      expect(samples.count(limit, draws)).toEqual(countOneByOne(random, limit, draws));
  }
});

// A thread keeps eight million numbers only.
test("a case that needs more numbers than are kept goes on with the following ones, again and again", () => {
  const expected = countOneByOne(new RandomState(1234), 1000, 9_000_000);
  for (const _case of ["first", "second"]) {
    const samples = new SampleDraws();
    expect(samples.count(1000, 9_000_000)).toEqual(expected);
  }
});
