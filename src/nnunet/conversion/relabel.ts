import { sharedError } from "../../../processor/contract/shared-errors.js";

/** Other values for the labels of a file. Those that are not named stay. */
export interface LabelChanges {
  readonly values: ReadonlyMap<number, number>;
  /** The value of all others besides 0; null to keep them. */
  readonly rest: number | null;
}

const pattern = /^(\d{1,5}|rest)=(\d{1,5})$/;
const largestLabel = 65535;

/**
 * Reads words such as `255=1` and `rest=1`.
 *
 * @throws USAGE
 */
export function labelChanges(words: readonly string[]): LabelChanges {
  const values = new Map<number, number>();
  let rest: number | null = null;
  for (const word of words) {
    const [, from, to] = pattern.exec(word) ?? [];
    if (from === undefined || Number(to) > largestLabel)
      throw sharedError("USAGE", `--relabel takes words such as 255=1 or rest=1, not ${word}`);
    if (from === "rest") rest = Number(to);
    else values.set(Number(from), Number(to));
  }
  return { values, rest };
}

/** Changes the labels in place, which have room for 65535. */
export function relabel(labels: Uint16Array, { values, rest }: LabelChanges): void {
  const table = Uint16Array.from({ length: largestLabel + 1 }, (_, label) =>
    label === 0 ? 0 : (rest ?? label),
  );
  for (const [from, to] of values) table[from] = to;
  for (let i = 0; i < labels.length; i++) labels[i] = table[labels[i]!]!;
}
