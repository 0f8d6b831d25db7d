/** A CT of a torso that nobody has: ellipsoids with the density of organs, and noise. */

export const torsoSizeZyx = [88, 168, 200] as const;
export const torsoSpacingMmZyx = [3, 1.9, 1.9] as const;

interface Organ {
  /** The organ's segment; null for what is not segmented. */
  readonly label: number | null;
  readonly hounsfield: number;
  /** As fractions of the volume's size, in the order x, y, z. */
  readonly centre: readonly [number, number, number];
  readonly radius: readonly [number, number, number];
}

export const torsoNames = ["Liver", "Spleen", "Right kidney", "Left kidney", "Aorta"];

/** Later organs cover earlier ones. The patient's right is where x is small. */
const organs: readonly Organ[] = [
  { label: null, hounsfield: -95, centre: [0.5, 0.5, 0.5], radius: [0.47, 0.42, 9] },
  { label: null, hounsfield: 45, centre: [0.5, 0.5, 0.5], radius: [0.44, 0.38, 9] },
  { label: null, hounsfield: -30, centre: [0.5, 0.44, 0.5], radius: [0.38, 0.29, 9] },
  { label: null, hounsfield: 30, centre: [0.6, 0.36, 0.36], radius: [0.16, 0.1, 0.26] },
  { label: null, hounsfield: -850, centre: [0.27, 0.48, 1.02], radius: [0.17, 0.27, 0.42] },
  { label: null, hounsfield: -850, centre: [0.74, 0.48, 1.02], radius: [0.16, 0.26, 0.42] },
  { label: null, hounsfield: 60, centre: [0.55, 0.36, 0.96], radius: [0.13, 0.15, 0.2] },
  { label: 1, hounsfield: 115, centre: [0.3, 0.44, 0.58], radius: [0.21, 0.25, 0.22] },
  { label: 1, hounsfield: 115, centre: [0.46, 0.32, 0.6], radius: [0.16, 0.12, 0.13] },
  { label: 2, hounsfield: 130, centre: [0.8, 0.56, 0.6], radius: [0.085, 0.15, 0.14] },
  { label: 3, hounsfield: 185, centre: [0.31, 0.67, 0.3], radius: [0.075, 0.09, 0.16] },
  { label: 4, hounsfield: 185, centre: [0.69, 0.66, 0.34], radius: [0.075, 0.09, 0.16] },
  { label: null, hounsfield: 420, centre: [0.5, 0.72, 0.5], radius: [0.085, 0.095, 9] },
  { label: null, hounsfield: 20, centre: [0.5, 0.83, 0.5], radius: [0.03, 0.03, 9] },
  { label: null, hounsfield: 380, centre: [0.5, 0.91, 0.5], radius: [0.02, 0.05, 9] },
  { label: 5, hounsfield: 210, centre: [0.55, 0.58, 0.5], radius: [0.032, 0.038, 9] },
];

export interface Torso {
  readonly hounsfield: Int16Array;
  readonly labels: Uint8Array;
}

export function torsoPhantom(): Torso {
  const [depth, height, width] = torsoSizeZyx;
  const hounsfield = new Int16Array(depth * height * width);
  const labels = new Uint8Array(hounsfield.length);
  let seed = 1;
  const noise = (): number => {
    // The constants of Numerical Recipes: the same picture each time.
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return (seed / 2 ** 32 - 0.5) * 50;
  };
  for (let z = 0, i = 0; z < depth; z++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++, i++) {
        const place = [x / width, y / height, z / depth] as const;
        const organ = organs.findLast(({ centre, radius }) => isInside(place, centre, radius));
        hounsfield[i] = (organ?.hounsfield ?? -1000) + noise();
        labels[i] = organ?.label ?? 0;
      }
  return { hounsfield, labels };
}

function isInside(
  place: readonly [number, number, number],
  centre: readonly [number, number, number],
  radius: readonly [number, number, number],
): boolean {
  return place.reduce((sum, at, axis) => sum + ((at - centre[axis]!) / radius[axis]!) ** 2, 0) <= 1;
}
