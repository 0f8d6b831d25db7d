/** The numbers that are made at a time. */
export const blockLength = 624;
const size = blockLength;
const shift = 397;

/**
 * numpy's `RandomState(seed)`: the Mersenne Twister MT19937, with its legacy draws. nnU-Net's samples, class locations
 * and splits follow from it.
 */
export class RandomState {
  // Signed, because Node works faster with such numbers. The bits are the same.
  readonly #state = new Int32Array(size);
  readonly #output = new Int32Array(size);
  #next = size;

  /** @param seed from 0 to 2^32 - 1 */
  constructor(seed: number) {
    this.#state[0] = seed;
    for (let i = 1; i < size; i++) {
      const last = this.#state[i - 1]!;
      this.#state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
    }
  }

  /** Returns the next 32 bits. */
  next(): number {
    if (this.#next === size) this.#fill();
    return this.#output[this.#next++]! >>> 0;
  }

  /**
   * Returns a number below a limit, as `randint` and `shuffle` draw it: bits are masked, and drawn again while they are too
   * large. A limit of 1 uses no bits.
   *
   * @param limit from 1 to 2^32
   */
  below(limit: number): number {
    if (limit <= 1) return 0;
    const mask = maskOf(limit - 1);
    let value = (this.next() & mask) >>> 0;
    while (value >= limit) value = (this.next() & mask) >>> 0;
    return value;
  }

  /** Returns the next numbers as signed words. Call it only at the start of a block; the next call overwrites them. */
  nextBlock(): Int32Array {
    this.#fill();
    this.#next = size;
    return this.#output;
  }

  /** Returns a generator that continues with the same numbers. */
  copy(): RandomState {
    const copy = new RandomState(0);
    copy.#state.set(this.#state);
    copy.#output.set(this.#output);
    copy.#next = this.#next;
    return copy;
  }

  /** Returns a permutation of the numbers below a limit, as `permutation` does. */
  permutation(limit: number): Uint32Array {
    const order = new Uint32Array(limit);
    for (let i = 0; i < limit; i++) order[i] = i;
    for (let i = limit - 1; i > 0; i--) {
      const other = this.below(i + 1);
      const value = order[i]!;
      order[i] = order[other]!;
      order[other] = value;
    }
    return order;
  }

  /** Makes the next 624 numbers. */
  #fill(): void {
    twist(this.#state);
    temper(this.#state, this.#output);
    this.#next = 0;
  }
}

function twist(state: Int32Array): void {
  const twisted = (one: number, next: number): number => {
    const bits = (one & 0x80000000) | (next & 0x7fffffff);
    return (bits >>> 1) ^ (-(bits & 1) & 0x9908b0df);
  };
  let i = 0;
  for (; i < size - shift; i++) state[i] = state[i + shift]! ^ twisted(state[i]!, state[i + 1]!);
  for (; i < size - 1; i++) state[i] = state[i + shift - size]! ^ twisted(state[i]!, state[i + 1]!);
  state[i] = state[shift - 1]! ^ twisted(state[i]!, state[0]!);
}

function temper(state: Int32Array, output: Int32Array): void {
  for (let i = 0; i < size; i++) {
    let value = state[i]!;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    output[i] = value ^ (value >>> 18);
  }
}

/**
 * Returns the smallest number of the form 2^b - 1 that is not below the largest draw.
 *
 * @param largest from 1
 */
export const maskOf = (largest: number): number => 0xffffffff >>> Math.clz32(largest);
