/** A list with at least one item. */
export type NonEmpty<T> = readonly [T, ...T[]];

export const isNonEmpty = <T>(items: readonly T[]): items is NonEmpty<T> => items.length > 0;

export const mapNonEmpty = <T, U>(
  [first, ...others]: NonEmpty<T>,
  change: (item: T, index: number) => U,
): NonEmpty<U> => [change(first, 0), ...others.map((item, i) => change(item, i + 1))];

/** Changes one item after the other. */
export async function mapInOrder<T, U>(
  [first, ...others]: NonEmpty<T>,
  change: (item: T, index: number) => Promise<U>,
): Promise<NonEmpty<U>> {
  const changed: [U, ...U[]] = [await change(first, 0)];
  for (const [i, item] of others.entries()) changed.push(await change(item, i + 1));
  return changed;
}
