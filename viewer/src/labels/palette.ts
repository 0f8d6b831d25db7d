export type Rgb = readonly [red: number, green: number, blue: number];

/**
 * Colours that people with any colour vision can tell apart, from Okabe and Ito (2008) and Tol's bright and muted schemes
 * (SRON, 2021). Names are always shown beside them.
 */
const base: readonly Rgb[] = [
  [230, 159, 0],
  [86, 180, 233],
  [0, 158, 115],
  [240, 228, 66],
  [204, 121, 167],
  [213, 94, 0],
  [0, 114, 178],
  [170, 68, 153],
  [153, 153, 51],
  [136, 204, 238],
  [204, 102, 119],
  [68, 170, 153],
  [221, 204, 119],
  [51, 34, 136],
  [136, 34, 85],
  [17, 119, 51],
];

/** Returns the colour of the label at a place in the list of labels. Later rounds are lighter, then darker. */
export function labelColour(place: number): Rgb {
  const colour = base[place % base.length]!;
  const round = Math.floor(place / base.length) % 3;
  if (round === 0) return colour;
  const toward = round === 1 ? 255 : 0;
  return [mixed(colour[0], toward), mixed(colour[1], toward), mixed(colour[2], toward)];
}

const mixed = (value: number, toward: number): number => Math.round(value + (toward - value) * 0.4);

export const cssColour = ([red, green, blue]: Rgb): string => `rgb(${red} ${green} ${blue})`;
