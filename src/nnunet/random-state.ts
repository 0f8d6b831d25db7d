const size = 624;
const shift = 397;

/**
 * numpy's `RandomState(seed)`: the Mersenne Twister MT19937, with its legacy draws. nnU-Net's samples, class locations
 * and splits follow from it.
 */
export class RandomState {
  readonly #state = new Uint32Array(size);
  readonly #output = new Uint32Array(size);
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
    return this.#output[this.#next++]!;
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

  /** Counts how often each number below a limit is drawn, in so many draws. */
  countDraws(limit: number, draws: number): Uint32Array {
    const counts = new Uint32Array(limit);
    if (limit === 1) {
      counts[0] = draws;
      return counts;
    }
    const mask = maskOf(limit - 1);
    const output = this.#output;
    let next = this.#next;
    // One byte for each number stays in the cache of a core, where whole counts would not.
    const bytes = new Uint8Array(limit);
    for (let drawn = 0; drawn < draws; next++) {
      if (next === size) {
        this.#fill();
        next = 0;
      }
      const value = (output[next]! & mask) >>> 0;
      if (value >= limit) continue;
      if (++bytes[value]! === 256) counts[value]! += 256;
      drawn++;
    }
    for (let i = 0; i < limit; i++) counts[i]! += bytes[i]!;
    this.#next = next;
    return counts;
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
    const state = this.#state;
    for (let i = 0; i < size; i++) {
      const bits = (state[i]! & 0x80000000) | (state[i + 1 === size ? 0 : i + 1]! & 0x7fffffff);
      const other = state[i + shift < size ? i + shift : i + shift - size]!;
      state[i] = other ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    for (let i = 0; i < size; i++) {
      let value = state[i]!;
      value ^= value >>> 11;
      value ^= (value << 7) & 0x9d2c5680;
      value ^= (value << 15) & 0xefc60000;
      this.#output[i] = value ^ (value >>> 18);
    }
    this.#next = 0;
  }
}

/**
 * Returns the smallest number of the form 2^b - 1 that is not below the largest draw.
 *
 * @param largest from 1
 */
const maskOf = (largest: number): number => 0xffffffff >>> Math.clz32(largest);
