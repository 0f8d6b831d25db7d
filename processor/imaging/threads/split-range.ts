/** A half-open range, which includes `from` but not `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Divides the range from 0 to `count` into at most `parts` ranges of nearly equal length. */
export function splitRange(count: number, parts: number): readonly Range[] {
  const used = Math.max(1, Math.min(parts, count));
  return Array.from({ length: used }, (_, i) => ({
    from: Math.floor((i * count) / used),
    to: Math.floor(((i + 1) * count) / used),
  }));
}
