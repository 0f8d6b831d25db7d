import { mapZyx, withFirstAxis, type Zyx } from "../../imaging/volume/axes.js";

/** The windows that end at the same slice. After them, the slices before the next row are final. */
export interface WindowRow {
  /** The first slice, on the padded grid. */
  readonly zStart: number;
  readonly zEnd: number;
  /** Later rows do not change the slices below this index. */
  readonly finalBefore: number;
  /** The corners of its windows, in z y x, on the padded grid. */
  readonly starts: readonly Zyx[];
}

export interface WindowGrid {
  /** The patch; 1 × y × x for a 2-D network. */
  readonly patchZyx: Zyx;
  /** The volume's size, or the patch's size where that is larger. */
  readonly paddedSizeZyx: Zyx;
  /** The voxels of padding before the volume: half of the padding, rounded down. */
  readonly paddingBeforeZyx: Zyx;
  readonly rows: readonly WindowRow[];
}

/** Returns where windows start along an axis of `size` voxels, the first at 0 and the last at `size - patch`. */
export type StartsRule = (size: number, patch: number) => readonly number[];

/** The number of slices that are sent together for a 2-D network, which predicts slice by slice. */
const slicesPerRow = 16;

/** Returns the windows of a sliding window over a volume, in the order of their first slices. */
export function windowGrid(sizeZyx: Zyx, patchSize: readonly number[], startsOf: StartsRule): WindowGrid {
  const isFlat = patchSize.length === 2;
  const patchZyx = withFirstAxis(patchSize, 1);
  const paddedSizeZyx = mapZyx(sizeZyx, (size, axis) => Math.max(size, patchZyx[axis]));
  const paddingBeforeZyx = mapZyx(paddedSizeZyx, (size, axis) => Math.floor((size - sizeZyx[axis]) / 2));
  const [, yStarts, xStarts] = mapZyx(paddedSizeZyx, (size, axis) => startsOf(size, patchZyx[axis]));
  const cornersAt = (z: number): readonly Zyx[] =>
    yStarts.flatMap((y) => xStarts.map((x) => [z, y, x] as const));
  const rows = isFlat
    ? flatRows(paddedSizeZyx[0], cornersAt)
    : deepRows(paddedSizeZyx[0], patchZyx[0], { startsOf, cornersAt });
  return { patchZyx, paddedSizeZyx, paddingBeforeZyx, rows };
}

type CornersAt = (z: number) => readonly Zyx[];

function deepRows(
  size: number,
  patch: number,
  { startsOf, cornersAt }: { readonly startsOf: StartsRule; readonly cornersAt: CornersAt },
): readonly WindowRow[] {
  const zStarts = startsOf(size, patch);
  return zStarts.map((zStart, i) => ({
    zStart,
    zEnd: zStart + patch,
    finalBefore: zStarts[i + 1] ?? size,
    starts: cornersAt(zStart),
  }));
}

function flatRows(slices: number, cornersAt: CornersAt): readonly WindowRow[] {
  const rows: WindowRow[] = [];
  for (let zStart = 0; zStart < slices; zStart += slicesPerRow) {
    const zEnd = Math.min(zStart + slicesPerRow, slices);
    const starts = Array.from({ length: zEnd - zStart }, (_, i) => cornersAt(zStart + i)).flat();
    rows.push({ zStart, zEnd, finalBefore: zEnd, starts });
  }
  return rows;
}

export const windowCount = ({ rows }: Pick<WindowGrid, "rows">): number =>
  rows.reduce((sum, { starts }) => sum + starts.length, 0);
