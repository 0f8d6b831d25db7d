import { mean, pairwiseSum } from "../numpy-mean.js";

/** nnU-Net's colours for label maps; the first one is for the smallest value of a slice, which is usually background. */
const colours: readonly (readonly [red: number, green: number, blue: number])[] = [
  [0x00, 0x00, 0x00],
  [0x43, 0x63, 0xd8],
  [0xf5, 0x82, 0x31],
  [0x3c, 0xb4, 0x4b],
  [0xe6, 0x19, 0x4b],
  [0x91, 0x1e, 0xb4],
  [0xff, 0xe1, 0x19],
  [0xbf, 0xef, 0x45],
  [0x42, 0xd4, 0xf4],
  [0xf0, 0x32, 0xe6],
  [0x00, 0x00, 0x75],
  [0x9a, 0x63, 0x24],
  [0x80, 0x80, 0x00],
  [0x80, 0x00, 0x00],
  [0x46, 0x99, 0x90],
];

/** Returns the colour of a label above 0 in pictures of whole data sets, where each label keeps its colour. */
export const labelColour = (label: number): readonly [red: number, green: number, blue: number] =>
  colours[1 + ((Math.round(label) - 1) % (colours.length - 1))]!;

/** The most values that one slice can show in different colours. */
export const mostColours = colours.length;

export interface SliceToColour {
  /** `y × x` */
  readonly image: Float32Array;
  readonly labels: ArrayLike<number>;
  /** How strong the colours are. */
  readonly intensity: number;
}

/**
 * Draws labels over a grey slice as `nnUNetv2_plot_overlay_pngs` does, in float32.
 *
 * @returns RGB, three bytes for each pixel
 * @throws RangeError for more than 15 values in the slice
 */
export function colouredSlice({ image, labels, intensity }: SliceToColour): Uint8Array {
  const { fround } = Math;
  let smallest = Number.POSITIVE_INFINITY;
  for (const value of image) smallest = Math.min(smallest, value);
  let largest = 0;
  for (const value of image) largest = Math.max(largest, fround(value - smallest));
  const values = [...new Set(Array.from(labels))].sort((a, b) => a - b);
  if (values.length > mostColours)
    throw new RangeError(`a slice with ${values.length} values; there are ${mostColours} colours`);
  const colourOf = new Map(values.map((value, i) => [value, colours[i]!]));
  const rgb = new Float32Array(image.length * 3);
  let brightest = 0;
  for (let i = 0; i < image.length; i++) {
    const grey = fround(fround(fround(image[i]! - smallest) / largest) * 255);
    const colour = colourOf.get(labels[i]!)!;
    for (let c = 0; c < 3; c++) {
      const value = fround(grey + intensity * colour[c]!);
      rgb[i * 3 + c] = value;
      brightest = Math.max(brightest, value);
    }
  }
  return Uint8Array.from(rgb, (value) => Math.trunc(fround(fround(value / brightest) * 255)) || 0);
}

export interface LabelSlices {
  /** `z × y × x` */
  readonly labels: ArrayLike<number>;
  readonly slices: number;
}

/**
 * Returns the slice that shows the labels best: the one with the largest mean, over the labels above 0, of the label's share
 * that the slice has. As in nnU-Net, a label is divided by its voxels and the shares of all smaller labels, so that smaller
 * labels weigh more.
 */
export function tellingSlice({ labels, slices }: LabelSlices): number {
  const size = labels.length / slices;
  const counts = new Map<number, Float64Array>();
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (!(label > 0)) continue;
    const perSlice = counts.get(label) ?? new Float64Array(slices);
    perSlice[Math.floor(i / size)]!++;
    counts.set(label, perSlice);
  }
  const sorted = [...counts.keys()].sort((a, b) => a - b);
  // Slices × labels, whose sum nnU-Net takes while the columns of larger labels are still 0.
  const shares = new Array<number>(slices * sorted.length).fill(0);
  for (const [column, label] of sorted.entries()) {
    const perSlice = counts.get(label)!;
    for (let z = 0; z < slices; z++) shares[z * sorted.length + column] = perSlice[z]!;
    const total = pairwiseSum(shares);
    for (let z = 0; z < slices; z++) shares[z * sorted.length + column]! /= total;
  }
  let best = 0;
  let bestShare = -1;
  for (let z = 0; z < slices; z++) {
    const share = mean(shares.slice(z * sorted.length, (z + 1) * sorted.length));
    if (share > bestShare) [best, bestShare] = [z, share];
  }
  return best;
}
