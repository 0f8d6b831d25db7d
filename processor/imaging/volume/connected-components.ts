import { voxelCount, type Zyx } from "./axes.js";

/** The earlier rows that a row can touch, as offsets in (slices, rows). */
const touchingByFaces = [
  [0, -1],
  [-1, 0],
] as const;
const touchingByCorners = [...touchingByFaces, [-1, -1], [-1, 1]] as const;

export interface LabelComponentsOptions {
  readonly sizeZyx: Zyx;
  /** Voxels with any of these labels are foreground, together. */
  readonly labels: readonly number[];
  /**
   * 6 joins voxels that share a face; 26 also joins voxels that share an edge or a corner (8 neighbours in a single
   * slice).
   */
  readonly connectivity: 6 | 26;
}

/** The connected components, as runs of voxels along x in memory order. */
export interface Components {
  /** The first voxel of each run. */
  readonly runStart: Uint32Array;
  /** The number of voxels in each run. */
  readonly runLength: Uint32Array;
  /** The component of each run. */
  readonly runComponent: Uint32Array;
  /** The number of voxels in each component. Components are numbered in the order of their first voxels. */
  readonly sizes: Uint32Array;
}

/**
 * Finds the connected components of the given labels: the same ones as `scipy.ndimage.label` (6) and
 * `skimage.measure.label` (26).
 *
 * Runs are joined by union-find, so the time is linear in the number of voxels, and the memory (12 bytes for each run)
 * in the number of runs.
 *
 * @param voxels `z × y × x`, fewer than 2³² of them
 */
export function labelComponents(
  voxels: Uint8Array | Uint16Array,
  options: LabelComponentsOptions,
): Components {
  const { sizeZyx, connectivity } = options;
  if (voxels.length !== voxelCount(sizeZyx)) {
    throw new RangeError(`${voxels.length} voxels do not make a volume of ${sizeZyx.join(" × ")}`);
  }
  const runs = findRuns(voxels, options);
  const parent = new Uint32Array(runs.runStart.length);
  for (let run = 0; run < parent.length; run++) parent[run] = run;
  const [slices, rows] = sizeZyx;
  const touching = connectivity === 6 ? touchingByFaces : touchingByCorners;
  const reach = connectivity === 6 ? 0 : 1;
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      const row = z * rows + y;
      if (runs.rowStart[row] === runs.rowStart[row + 1]) continue;
      for (const [dz, dy] of touching) {
        if (z + dz < 0 || y + dy < 0 || y + dy >= rows) continue;
        joinRows(runs, parent, { row, other: row + dz * rows + dy, reach, columns: sizeZyx[2] });
      }
    }
  }
  const sizes = numberComponents(parent, runs.runLength);
  return { runStart: runs.runStart, runLength: runs.runLength, runComponent: parent, sizes };
}

interface Runs {
  readonly runStart: Uint32Array;
  readonly runLength: Uint32Array;
  /** The first run of each row, with one entry more than there are rows. */
  readonly rowStart: Uint32Array;
}

/** Finds the runs. It counts them first, so that no array is larger than necessary. */
function findRuns(voxels: Uint8Array | Uint16Array, { sizeZyx, labels }: LabelComponentsOptions): Runs {
  const [slices, rows, columns] = sizeZyx;
  const isForeground = new Uint8Array(voxels instanceof Uint8Array ? 256 : 65536);
  for (const label of labels) isForeground[label] = 1;
  const rowStart = new Uint32Array(slices * rows + 1);
  let total = 0;
  for (let row = 0; row < slices * rows; row++) {
    total += countRuns(voxels, isForeground, { start: row * columns, end: (row + 1) * columns });
    rowStart[row + 1] = total;
  }
  const runStart = new Uint32Array(total);
  const runLength = new Uint32Array(total);
  for (let row = 0; row < slices * rows; row++) {
    let run = rowStart[row]!;
    if (run === rowStart[row + 1]) continue;
    const end = (row + 1) * columns;
    for (let i = row * columns; i < end; i++) {
      if (isForeground[voxels[i]!] === 0) continue;
      const start = i;
      while (i < end && isForeground[voxels[i]!] === 1) i++;
      runStart[run] = start;
      runLength[run++] = i - start;
    }
  }
  return { runStart, runLength, rowStart };
}

function countRuns(
  voxels: Uint8Array | Uint16Array,
  isForeground: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): number {
  let count = 0;
  let before = 0;
  for (let i = start; i < end; i++) {
    const here = isForeground[voxels[i]!]!;
    count += here & ~before;
    before = here;
  }
  return count;
}

interface RowPair {
  readonly row: number;
  readonly other: number;
  /** 1 if runs also touch diagonally, otherwise 0. */
  readonly reach: 0 | 1;
  readonly columns: number;
}

/** Joins the runs of two rows that overlap along x, in one walk over both rows. */
function joinRows(runs: Runs, parent: Uint32Array, { row, other, reach, columns }: RowPair): void {
  const { runStart, runLength, rowStart } = runs;
  const shift = (row - other) * columns;
  const rowEnd = rowStart[row + 1]!;
  const otherEnd = rowStart[other + 1]!;
  let a = rowStart[row]!;
  let b = rowStart[other]!;
  while (a < rowEnd && b < otherEnd) {
    const aStart = runStart[a]!;
    const aEnd = aStart + runLength[a]!;
    const bStart = runStart[b]! + shift;
    const bEnd = bStart + runLength[b]!;
    if (aStart < bEnd + reach && bStart < aEnd + reach) join(parent, a, b);
    if (aEnd < bEnd) a++;
    else b++;
  }
}

/** Joins two runs. The smaller index becomes the root, so that a component's root is its first run. */
function join(parent: Uint32Array, a: number, b: number): void {
  const rootA = findRoot(parent, a);
  const rootB = findRoot(parent, b);
  if (rootA < rootB) parent[rootB] = rootA;
  else if (rootB < rootA) parent[rootA] = rootB;
}

/** Returns the root of a run, and halves the path to it on the way. */
function findRoot(parent: Uint32Array, start: number): number {
  let run = start;
  while (parent[run] !== run) {
    parent[run] = parent[parent[run]!]!;
    run = parent[run]!;
  }
  return run;
}

/** Replaces parents by component numbers, in place, and returns the sizes of the components. */
function numberComponents(parent: Uint32Array, runLength: Uint32Array): Uint32Array {
  let count = 0;
  for (let run = 0; run < parent.length; run++) if (parent[run] === run) count++;
  const sizes = new Uint32Array(count);
  let next = 0;
  for (let run = 0; run < parent.length; run++) {
    // A parent comes before its run, so it already has its number.
    const component = parent[run] === run ? next++ : parent[parent[run]!]!;
    parent[run] = component;
    sizes[component]! += runLength[run]!;
  }
  return sizes;
}
