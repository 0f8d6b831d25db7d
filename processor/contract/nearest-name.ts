/**
 * Returns the name that was most likely meant by `wanted`; null if more letters differ from every name.
 *
 * @param limit the largest number of letters that may differ. The default is a third of the letters of `wanted`, but 2 for four or
 *   five letters, 1 for three and 0 for two, because `3d` is not a misspelt `2d`
 */
export function nearest(
  wanted: string,
  names: readonly string[],
  limit = wanted.length < 4 ? wanted.length - 2 : Math.max(2, wanted.length / 3),
): string | null {
  let best: string | null = null;
  let bestDistance = limit + 1;
  for (const name of names) {
    if (Math.abs(wanted.length - name.length) > limit) continue;
    const distance = editDistance(wanted.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = name;
    }
  }
  return best;
}

/** Returns the Levenshtein distance: the number of insertions, deletions and replacements of one letter. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, above[j]! + 1, row[j - 1]! + 1));
    }
    above = row;
  }
  return above[b.length]!;
}
