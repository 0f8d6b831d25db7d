/** Which of z, y, x are flipped. */
export type Flip = readonly [z: boolean, y: boolean, x: boolean];

/**
 * The flips that test-time augmentation averages: none, and every combination of the allowed axes.
 *
 * @param axes 0 is the patch's first axis
 * @param dimensions of the patch; a 2-D patch has its axes behind the slice axis
 * @returns for each pass which of z, y, x are flipped
 */
export function mirrorings(axes: readonly number[], dimensions: 2 | 3): readonly Flip[] {
  const spatial = axes.map((axis) => axis + (3 - dimensions));
  return Array.from({ length: 2 ** spatial.length }, (_, bits) => {
    const flipped = spatial.filter((_, i) => (bits >> i) & 1);
    return [flipped.includes(0), flipped.includes(1), flipped.includes(2)] as const;
  });
}
