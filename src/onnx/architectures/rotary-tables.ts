/** The factors of a rotary position embedding, `token × value of a head`. */
export interface RotaryTables {
  readonly tokens: number;
  readonly width: number;
  /** Factors of each value. */
  readonly cosines: Float32Array;
  /** Factors of its neighbour in a pair: −sin for the first of the two, sin for the second. */
  readonly signedSines: Float32Array;
}

/** timm's default. */
const temperature = 10_000;

/**
 * Returns timm's `RotaryEmbeddingCat` for tokens on a grid (`in_pixels=False`): each axis has a third of the pairs, whose
 * angles are the token's position times `10000 ** -(band / bands)`.
 *
 * @param width the values of a head
 */
export function rotaryTables(grid: readonly number[], width: number): RotaryTables {
  const tokens = grid.reduce((a, b) => a * b, 1);
  const bands = width / 2 / grid.length;
  const frequencies = Array.from({ length: bands }, (_, band) =>
    Math.fround(1 / Math.fround(temperature ** Math.fround(band / bands))),
  );
  const cosines = new Float32Array(tokens * width);
  const signedSines = new Float32Array(tokens * width);
  for (let token = 0; token < tokens; token++) {
    let rest = token;
    for (let axis = grid.length - 1; axis >= 0; axis--) {
      const place = rest % grid[axis]!;
      rest = Math.floor(rest / grid[axis]!);
      frequencies.forEach((frequency, band) => {
        const angle = Math.fround(place * frequency);
        const at = token * width + 2 * (axis * bands + band);
        cosines.fill(Math.cos(angle), at, at + 2);
        signedSines[at] = -Math.sin(angle);
        signedSines[at + 1] = Math.sin(angle);
      });
    }
  }
  return { tokens, width, cosines, signedSines };
}
