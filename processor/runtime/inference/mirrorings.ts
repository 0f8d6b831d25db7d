/** True for each axis that is flipped. */
export type Flip = readonly [z: boolean, y: boolean, x: boolean];

/**
 * Returns the flips that test-time augmentation averages: no flip, and every combination of the allowed axes.
 *
 * @param axes the axes that may be flipped; 0 is the patch's first axis
 * @param dimensions the dimensions of the patch; the axes of a 2-D patch come after the slice axis
 * @returns one flip for each pass
 */
export function mirrorings(axes: readonly number[], dimensions: 2 | 3): readonly Flip[] {
  const spatial = axes.map((axis) => axis + (3 - dimensions));
  return Array.from({ length: 2 ** spatial.length }, (_, bits) => {
    const flipped = spatial.filter((_, i) => (bits >> i) & 1);
    return [flipped.includes(0), flipped.includes(1), flipped.includes(2)] as const;
  });
}

export const unflipped: Flip = [false, false, false];
