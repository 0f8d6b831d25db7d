/** The objects of a pickle by the numbers that refer to them. Python counts from 0. */
export class PickleMemo {
  readonly #dense: unknown[] = [];
  readonly #others = new Map<number, unknown>();

  get size(): number {
    return this.#dense.length + this.#others.size;
  }

  /**
   * Returns whether the index is the next in sequence. Sequential indices take far less memory than others.
   */
  isNext(index: number): boolean {
    return index === this.#dense.length;
  }

  has(index: number): boolean {
    return this.#isDense(index) || this.#others.has(index);
  }

  get(index: number): unknown {
    return this.#isDense(index) ? this.#dense[index] : this.#others.get(index);
  }

  set(index: number, value: unknown): void {
    if (this.isNext(index)) {
      this.#dense.push(value);
      this.#others.delete(index);
    } else if (this.#isDense(index)) this.#dense[index] = value;
    else this.#others.set(index, value);
  }

  #isDense(index: number): boolean {
    return index >= 0 && index < this.#dense.length;
  }
}
