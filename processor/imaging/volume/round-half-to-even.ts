/**
 * Rounds as Python and numpy do, with halves to the even neighbour.
 *
 * @example roundHalfToEven(2.5) // 2, where Math.round gives 3
 */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
