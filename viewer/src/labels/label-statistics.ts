export interface LabelGrid {
  /** The voxels of a label map, with x fastest, as NIfTI stores them. */
  readonly voxels: ArrayLike<number>;
  readonly sizeXyz: readonly [x: number, y: number, z: number];
  readonly voxelVolumeMm3: number;
}

export interface LabelStatistics {
  readonly label: number;
  readonly voxelCount: number;
  readonly volumeMl: number;
  /** The voxel of the label that is nearest to its centre of mass. */
  readonly centreXyz: readonly [x: number, y: number, z: number];
}

interface Sums {
  count: number;
  x: number;
  y: number;
  z: number;
}

/** Measures every label except the background (0), in the order of their numbers. */
export function labelStatistics(grid: LabelGrid): readonly LabelStatistics[] {
  const sums = sumsOfLabels(grid);
  const centres = nearestVoxels(grid, sums);
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([label, { count }]) => ({
      label,
      voxelCount: count,
      volumeMl: (count * grid.voxelVolumeMm3) / 1000,
      centreXyz: centres.get(label)!,
    }));
}

function sumsOfLabels({ voxels, sizeXyz: [width, height, depth] }: LabelGrid): ReadonlyMap<number, Sums> {
  const sums = new Map<number, Sums>();
  let i = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const label = voxels[i]!;
        if (label === 0) continue;
        let sum = sums.get(label);
        if (sum === undefined) {
          sum = { count: 0, x: 0, y: 0, z: 0 };
          sums.set(label, sum);
        }
        sum.count++;
        sum.x += x;
        sum.y += y;
        sum.z += z;
      }
    }
  }
  return sums;
}

function nearestVoxels(
  { voxels, sizeXyz: [width, height, depth] }: LabelGrid,
  sums: ReadonlyMap<number, Sums>,
): ReadonlyMap<number, readonly [number, number, number]> {
  const means = new Map(
    [...sums].map(([label, { count, x, y, z }]) => [
      label,
      { x: x / count, y: y / count, z: z / count, distance: Number.POSITIVE_INFINITY, best: -1 },
    ]),
  );
  let i = 0;
  for (let z = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const label = voxels[i]!;
        if (label === 0) continue;
        const mean = means.get(label)!;
        const distance = (x - mean.x) ** 2 + (y - mean.y) ** 2 + (z - mean.z) ** 2;
        if (distance >= mean.distance) continue;
        mean.distance = distance;
        mean.best = i;
      }
    }
  }
  return new Map(
    [...means].map(([label, { best }]) => [
      label,
      [best % width, Math.floor(best / width) % height, Math.floor(best / (width * height))] as const,
    ]),
  );
}
