import type { Zyx } from "../../imaging/volume/axes.js";
import type { Flip } from "./mirrorings.js";

/** The corners (z y x) of one window on the volume and on the sums. Either may be outside. */
export interface Window {
  readonly onVolume: Zyx;
  readonly onSums: Zyx;
}

/** One way of one window through a network. */
export interface Pass {
  readonly window: Window;
  readonly flip: Flip;
  readonly fold: number;
  /** True if no other fold or mirroring of this window follows. */
  readonly isLastOfWindow: boolean;
}

/** The passes of one run. */
export interface RowPasses {
  readonly passes: readonly Pass[];
  readonly row: number;
  /** The number of the row's passes before them. */
  readonly before: number;
  readonly isLastOfRow: boolean;
}

/** What all rows of windows have in common. */
export type RowsPasses = Pick<AllPasses, "flips" | "folds"> & {
  /** Returns the number of a row's windows that pass through all folds before the next windows do. */
  readonly together: (windows: readonly Window[]) => number;
};

/** The passes of all rows of windows, in order. */
export class PassQueue {
  readonly #rows: readonly (readonly Window[])[];
  readonly #shared: RowsPasses;
  readonly #together = new Map<number, number>();
  #row = 0;
  #before = 0;

  constructor(rows: readonly (readonly Window[])[], shared: RowsPasses) {
    this.#rows = rows;
    this.#shared = shared;
  }

  /** Returns the passes of the next run; null after the last one. A run has windows of one row. */
  take(most: number): RowPasses | null {
    const windows = this.#rows[this.#row];
    if (windows === undefined) return null;
    const { flips, folds } = this.#shared;
    const together = this.#together.get(this.#row) ?? this.#shared.together(windows);
    this.#together.set(this.#row, together);
    const passes = nextPasses({ windows, flips, folds, together }, this.#before, most);
    const [row, before] = [this.#row, this.#before];
    this.#before += passes.length;
    const isLastOfRow = this.#before === windows.length * flips.length * folds;
    if (isLastOfRow) [this.#row, this.#before] = [row + 1, 0];
    return { passes, row, before, isLastOfRow };
  }

  /** Makes passes that were taken, and those after them, the next ones again. */
  putBack({ row, before }: RowPasses): void {
    [this.#row, this.#before] = [row, before];
  }
}

export interface AllPasses {
  readonly windows: readonly Window[];
  readonly flips: readonly Flip[];
  readonly folds: number;
  /** The number of windows that pass through all folds before the next windows do. */
  readonly together: number;
}

/**
 * Returns the next passes that run together, all of one fold. Some windows go through fold 0 with each mirroring, then
 * through fold 1, and so on; then the next windows follow.
 *
 * @param done the number of passes before them
 * @param most the most passes that run together
 */
function nextPasses(all: AllPasses, done: number, most: number): readonly Pass[] {
  const { windows, flips, folds, together } = all;
  const firstWindow = Math.floor(done / (together * flips.length * folds)) * together;
  const group = windows.slice(firstWindow, firstWindow + together);
  if (done >= windows.length * flips.length * folds) return [];
  const ofFold = group.length * flips.length;
  const begun = done - firstWindow * flips.length * folds;
  const fold = Math.floor(begun / ofFold);
  const first = begun - fold * ofFold;
  return Array.from({ length: Math.min(most, ofFold - first) }, (_, i) => {
    const flip = Math.floor((first + i) / group.length);
    return {
      window: group[(first + i) % group.length]!,
      flip: flips[flip]!,
      fold,
      isLastOfWindow: fold === folds - 1 && flip === flips.length - 1,
    };
  });
}

/** Returns the longest stretches of passes with the same mirroring. */
export function sameFlip(
  passes: readonly Pass[],
): readonly { readonly from: number; readonly to: number; readonly flip: Flip }[] {
  const starts = passes.flatMap(({ flip }, i) => (i === 0 || flip !== passes[i - 1]!.flip ? [i] : []));
  return starts.map((from, i) => ({ from, to: starts[i + 1] ?? passes.length, flip: passes[from]!.flip }));
}
