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
export function nextPasses(all: AllPasses, done: number, most: number): readonly Pass[] {
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
