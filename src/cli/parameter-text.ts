/** Returns a number of parameters in three digits: `15.3 thousand`, `30.8 million`. Below a thousand it is exact. */
export function parameterText(count: number): string {
  const rounded = Number(count.toPrecision(3));
  if (rounded < 1e3) return String(count);
  return rounded < 1e6 ? `${rounded / 1e3} thousand` : `${rounded / 1e6} million`;
}
