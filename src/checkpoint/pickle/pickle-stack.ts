/** The stack of Python's pickle machine, with marks that later opcodes return to. */
export class PickleStack {
  /** The values below each mark. */
  readonly #marked: unknown[][] = [];
  readonly #fail: (what: string) => never;
  #items: unknown[] = [];

  /** @param fail called when a pickle takes more values than it pushed */
  constructor(fail: (what: string) => never) {
    this.#fail = fail;
  }

  /** True if there are no values above the last mark. */
  get isEmpty(): boolean {
    return this.#items.length === 0;
  }

  push(value: unknown): void {
    this.#items.push(value);
  }

  mark(): void {
    this.#marked.push(this.#items);
    this.#items = [];
  }

  top(): unknown {
    if (this.isEmpty) this.#fail(underflow);
    return this.#items.at(-1);
  }

  pop(): unknown {
    if (this.isEmpty) this.#fail(underflow);
    return this.#items.pop();
  }

  popMany(count: number): unknown[] {
    if (this.#items.length < count) this.#fail(underflow);
    return this.#items.splice(this.#items.length - count, count);
  }

  /** Removes the last mark and returns the values above it. */
  popMark(): unknown[] {
    const below = this.#marked.pop();
    if (below === undefined) return this.#fail("it closes a group that it never opened");
    const items = this.#items;
    this.#items = below;
    return items;
  }
}

const underflow = "it takes more values from its stack than it pushed";
