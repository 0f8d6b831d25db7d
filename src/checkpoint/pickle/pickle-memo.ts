/** Objects of a pickle by the numbers under which it refers to them again: Python counts them from 0. */
export class PickleMemo {
  readonly #dense: unknown[] = [];
  readonly #others = new Map<number, unknown>();

  get size(): number {
    return this.#dense.length + this.#others.size;
  }

  /** Whether the next number in turn is this one, which takes far less memory than any other. */
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
    if (this.isNext(index)) this.#dense.push(value);
    else if (this.#isDense(index)) this.#dense[index] = value;
    else this.#others.set(index, value);
  }

  #isDense(index: number): boolean {
    return index >= 0 && index < this.#dense.length;
  }
}
