import { RandomNumbers } from "../../../examples/training/random-numbers.js";

/** Random choices that depend only on the seed, so that a run can be repeated. */
export class Random extends RandomNumbers {
  /** Returns an integer from 0 (inclusive) to `limit` (exclusive). */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  oneOf<T>(values: readonly T[]): T {
    return values[this.below(values.length)]!;
  }
}
