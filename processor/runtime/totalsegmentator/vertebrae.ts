import { perAxis, type Zyx } from "../../imaging/volume/axes.js";
import { labelComponents } from "../../imaging/volume/connected-components.js";
import { eachRowOf, type Labels, type LabelVolume, labelBoxes } from "./label-boxes.js";

export interface OrderVertebraeTask extends LabelVolume {
  readonly voxelMm3: number;
  readonly spacingMmZyx: Zyx;
  readonly labels: { readonly all: readonly number[]; readonly c1: number; readonly l5: number };
}

/** Bodies that are smaller are noise. */
const smallestBodyMm3 = 100;
/** The labels of training were eroded by this much. */
const erodedMm = 3;

/**
 * Gives vertebral bodies their labels, in place. Bodies of different vertebrae never touch; if labels do, all bodies are
 * numbered from the lowest upwards, starting with the largest label, or from C1 downwards if L5 is not in the image.
 * Then every label grows by 3 mm into the background.
 */
export function orderVertebrae({ voxelMm3, spacingMmZyx, labels, ...volume }: OrderVertebraeTask): void {
  if (hasTouchingLabels(volume)) numberBodies(volume, { voxelMm3, labels });
  growLabels({ ...volume, spacingMmZyx, millimetres: erodedMm, labels: labels.all });
}

function hasTouchingLabels({ voxels, sizeZyx: [slices, rows, columns] }: LabelVolume): boolean {
  const plane = rows * columns;
  const differ = (a: number, b: number): boolean => b !== 0 && a !== b;
  for (let z = 0, at = 0; z < slices; z++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at++) {
        const label = voxels[at]!;
        if (label === 0) continue;
        if (x > 0 && differ(label, voxels[at - 1]!)) return true;
        if (y > 0 && differ(label, voxels[at - columns]!)) return true;
        if (z > 0 && differ(label, voxels[at - plane]!)) return true;
      }
  return false;
}

function numberBodies(
  { voxels, sizeZyx }: LabelVolume,
  { voxelMm3, labels }: Pick<OrderVertebraeTask, "voxelMm3" | "labels">,
): void {
  const mask = Uint8Array.from(voxels, (label) => (label > 0 ? 1 : 0));
  const { runStart, runLength, runComponent, sizes } = labelComponents(mask, {
    sizeZyx,
    labels: [1],
    connectivity: 6,
  });
  const isKept = Array.from(sizes, (size) => size * voxelMm3 >= smallestBodyMm3);
  const plane = sizeZyx[1] * sizeZyx[2];
  const sumsOfZ = new Float64Array(sizes.length);
  const present = new Set<number>();
  for (let run = 0; run < runStart.length; run++) {
    const component = runComponent[run]!;
    const start = runStart[run]!;
    sumsOfZ[component]! += runLength[run]! * Math.floor(start / plane);
    if (isKept[component]) for (let i = start; i < start + runLength[run]!; i++) present.add(voxels[i]!);
  }
  const known = [...present].filter((label) => labels.all.includes(label)).sort((a, b) => a - b);
  const height = (component: number): number => sumsOfZ[component]! / sizes[component]!;
  const order = numpyOrder(runStart, runComponent, sizeZyx);
  const bodies = [...sizes.keys()]
    .filter((component) => isKept[component] && known.length > 0)
    .sort((a, b) => order[a]! - order[b]!);
  const fromTop = !known.includes(labels.l5) && known.includes(labels.c1);
  bodies.sort((a, b) => (fromTop ? height(b) - height(a) : height(a) - height(b)));
  const labelOf = new Uint8Array(sizes.length);
  const [smallest, largest] = [Math.min(...labels.all), Math.max(...labels.all)];
  for (const [i, component] of bodies.entries()) {
    const label = fromTop ? labels.c1 + i : known.at(-1)! - i;
    labelOf[component] = label >= smallest && label <= largest ? label : 0;
  }
  for (let run = 0; run < runStart.length; run++)
    voxels.fill(labelOf[runComponent[run]!]!, runStart[run]!, runStart[run]! + runLength[run]!);
}

/** Returns for each component the place of its first voxel in an array of axes x, y, z, which decides between equals. */
function numpyOrder(
  runStart: Uint32Array,
  runComponent: Uint32Array,
  [slices, rows, columns]: Zyx,
): Float64Array {
  const order = new Float64Array(runComponent.reduce((a, b) => Math.max(a, b), 0) + 1).fill(
    Number.POSITIVE_INFINITY,
  );
  for (let run = 0; run < runStart.length; run++) {
    const at = runStart[run]!;
    const row = Math.floor(at / columns);
    const place = ((at % columns) * rows + (row % rows)) * slices + Math.floor(row / rows);
    order[runComponent[run]!] = Math.min(order[runComponent[run]!]!, place);
  }
  return order;
}

export interface GrowLabelsTask extends LabelVolume {
  readonly spacingMmZyx: Zyx;
  readonly millimetres: number;
  readonly labels: readonly number[];
}

/** Grows labels by an ellipsoid into the background, in place and in ascending order. */
function growLabels({ voxels, sizeZyx, spacingMmZyx, millimetres, labels }: GrowLabelsTask): void {
  const before = Uint8Array.from(voxels);
  const offsets = ellipsoid(spacingMmZyx, millimetres);
  const [slices, rows, columns] = sizeZyx;
  const boxes = labelBoxes({ voxels, sizeZyx });
  for (const label of [...labels].sort((a, b) => a - b)) {
    const box = boxes.get(label);
    if (box === undefined) continue;
    eachRowOf(sizeZyx, box, (start) => {
      const row = Math.floor(start / columns);
      const [z, y] = [Math.floor(row / rows), row % rows];
      for (let i = start; i < start + box.sizeZyx[2]; i++) {
        if (before[i] !== label) continue;
        for (const [dz, dy, dx] of offsets) {
          const x = (i % columns) + dx;
          if (z + dz < 0 || z + dz >= slices || y + dy < 0 || y + dy >= rows || x < 0 || x >= columns)
            continue;
          const at = i + (dz * rows + dy) * columns + dx;
          if (voxels[at] === 0) voxels[at] = label;
        }
      }
    });
  }
}

export interface CutToBodiesTask extends GrowLabelsTask {
  /** Label 1 is a vertebral body. */
  readonly bodies: Labels;
}

/** Grows labels, and keeps what is in a body of another task, in place. */
export function cutToBodies({ bodies, ...growing }: CutToBodiesTask): void {
  growLabels(growing);
  const { voxels } = growing;
  for (let i = 0; i < voxels.length; i++) if (bodies[i] !== 1) voxels[i] = 0;
}

/**
 * Returns the voxels of an ellipsoid around one voxel. Its grid starts at minus the radius, in fractions of voxels, so
 * that it is not quite symmetric, as in TotalSegmentator.
 */
function ellipsoid(spacingMmZyx: Zyx, millimetres: number): readonly Zyx[] {
  const grids = perAxis((axis) => {
    const radius = Math.fround(millimetres / spacingMmZyx[axis]);
    const count = Math.ceil(2 * radius + 1);
    const middle = Math.floor(count / 2);
    return Array.from({ length: count }, (_, i) => {
      const at = -radius + i;
      return { offset: i - middle, share: (at * at) / (radius * radius) };
    });
  });
  const [onZ, onY, onX] = grids;
  return onX.flatMap((x) =>
    onY.flatMap((y) =>
      onZ.flatMap((z): readonly Zyx[] =>
        // The sum is in numpy's order, x first.
        x.share + y.share + z.share <= 1 ? [[z.offset, y.offset, x.offset]] : [],
      ),
    ),
  );
}
