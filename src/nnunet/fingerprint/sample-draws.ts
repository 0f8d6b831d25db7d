import { blockLength, maskOf, RandomState } from "../random-state.js";

/** nnU-Net's seed, with which the draws start again in each case. */
const seed = 1234;

/** The numbers that a thread keeps for its next case: 32 MiB, as many as a data set of 13 cases or more needs. */
const mostKept = (1 << 23) - ((1 << 23) % blockLength);

/** The first numbers of the seed, as far as `source` has made them. */
let kept: Int32Array = new Int32Array(0);
let keptLength = 0;
const source = new RandomState(seed);

/** The samples that nnU-Net draws in one case: numpy's `RandomState(1234).choice`, for one channel after the other. */
export class SampleDraws {
  #numbers: Int32Array = new Int32Array(0);
  #next = 0;
  #blocks = 0;
  /** Continues after the kept numbers. */
  #further: RandomState | null = null;

  /**
   * Counts how often each number below a limit is drawn in a number of draws. As in `RandomState.below`, bits are masked, and drawn
   * again while they are too large; a limit of 1 uses none.
   *
   * @param limit from 1 to 2^31
   */
  count(limit: number, draws: number): Uint32Array {
    const counts = new Uint32Array(limit);
    if (limit === 1) {
      counts[0] = draws;
      return counts;
    }
    const tally: Tally = { counts, bytes: new Uint8Array(limit), mask: maskOf(limit - 1) };
    let drawn = 0;
    while (drawn < draws) {
      if (this.#next === this.#numbers.length) this.#takeBlock();
      // Whole blocks, as long as none can hold more than what is left to draw.
      const end = draws - drawn >= blockLength ? blockLength : this.#next + 1;
      drawn += addDraws(tally, this.#numbers, this.#next, end);
      this.#next = end;
    }
    for (let i = 0; i < limit; i++) counts[i]! += tally.bytes[i]!;
    return counts;
  }

  #takeBlock(): void {
    this.#next = 0;
    const at = this.#blocks++ * blockLength;
    if (at === mostKept) this.#further = source.copy();
    this.#numbers = this.#further === null ? keptBlock(at) : this.#further.nextBlock();
  }
}

function keptBlock(at: number): Int32Array {
  if (at === keptLength) {
    if (kept.length === 0) kept = new Int32Array(mostKept);
    kept.set(source.nextBlock(), at);
    keptLength += blockLength;
  }
  return kept.subarray(at, at + blockLength);
}

interface Tally {
  /** How often each number was drawn, without what `bytes` holds. */
  readonly counts: Uint32Array;
  /** The part of each count that is below 256. One byte for each number stays in the cache of a core, where whole counts would not. */
  readonly bytes: Uint8Array;
  readonly mask: number;
}

/** Counts the draws among some random numbers, and returns how many there were. A masked number that is too large does not count as a draw. */
function addDraws({ counts, bytes, mask }: Tally, numbers: Int32Array, from: number, to: number): number {
  let drawn = 0;
  for (let i = from; i < to; i++) {
    const value = numbers[i]! & mask;
    if (value >= bytes.length) continue;
    const count = bytes[value]! + 1;
    bytes[value] = count;
    if (count === 256) counts[value]! += 256;
    drawn++;
  }
  return drawn;
}
