import type { SliceExtent } from "./label-extents.js";

/** A closed ring in pixels: x and y of each corner in turn. The centre of the first pixel is (0, 0). */
export type Ring = readonly number[];

export interface TracedSlice {
  readonly voxels: Uint8Array | Uint16Array;
  readonly label: number;
  readonly extent: SliceExtent;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Traces the border of a label in one slice at half level: between a pixel inside and its neighbour outside, half-way.
 * A pixel belongs to the label if its centre is inside an odd number of rings, so holes are rings of their own (XOR);
 * pixels that touch only at a corner are in different rings. At the border of the image, the ring is half a pixel outside
 * the outer centres.
 */
export function traceContours({ voxels, label, extent, rows, columns }: TracedSlice): readonly Ring[] {
  const [y0, y1] = extent.rows;
  const [x0, x1] = extent.columns;
  // One pixel of background around the box.
  const width = x1 - x0 + 2;
  const height = y1 - y0 + 2;
  const inside = new Uint8Array(width * height);
  for (let y = y0; y < y1; y++) {
    const row = (extent.z * rows + y) * columns;
    const target = (y - y0 + 1) * width + 1 - x0;
    for (let x = x0; x < x1; x++) if (voxels[row + x] === label) inside[target + x] = 1;
  }
  const next = linkMidpoints(inside, width, height);
  return ringsOf(next, width).map((ring) => ring.map((value, i) => value + (i % 2 === 0 ? x0 : y0) - 1));
}

/**
 * Returns for each midpoint the one that follows it, with the label on the right-hand side; -1 for none. Midpoint 2p is
 * between pixel p and the one to its right, 2p + 1 between p and the one below.
 */
function linkMidpoints(inside: Uint8Array, width: number, height: number): Int32Array {
  const next = new Int32Array(2 * width * height).fill(-1);
  for (let y = 0; y + 1 < height; y++) {
    for (let x = 0; x + 1 < width; x++) {
      const p = y * width + x;
      const square =
        inside[p]! | (inside[p + 1]! << 1) | (inside[p + width + 1]! << 2) | (inside[p + width]! << 3);
      if (square === 0 || square === 15) continue;
      const sides = [2 * p, 2 * p + 3, 2 * (p + width), 2 * p + 1] as const;
      for (const [from, to] of links[square]!) next[sides[from]!] = sides[to]!;
    }
  }
  return next;
}

const [top, right, bottom, left] = [0, 1, 2, 3];

/**
 * The links within a square of four pixels, by its pixels inside: 1 top left, 2 top right, 4 bottom right, 8 bottom
 * left. Diagonal pixels (5, 10) are not joined.
 */
const links: readonly (readonly (readonly [from: number, to: number])[])[] = [
  [],
  [[top, left]],
  [[right, top]],
  [[right, left]],
  [[bottom, right]],
  [
    [top, left],
    [bottom, right],
  ],
  [[bottom, top]],
  [[bottom, left]],
  [[left, bottom]],
  [[top, bottom]],
  [
    [right, top],
    [left, bottom],
  ],
  [[right, bottom]],
  [[left, right]],
  [[top, right]],
  [[left, top]],
  [],
];

/** Follows the links, and leaves out points on straight lines. It empties `next`. */
function ringsOf(next: Int32Array, width: number): readonly (readonly number[])[] {
  const rings: number[][] = [];
  for (let start = 0; start < next.length; start++) {
    if (next[start] === -1) continue;
    const points: number[] = [];
    for (let here = start; next[here] !== -1; ) {
      points.push(here);
      const following = next[here]!;
      next[here] = -1;
      here = following;
    }
    rings.push(corners(points.map((point) => positionOf(point, width))));
  }
  return rings;
}

function positionOf(midpoint: number, width: number): readonly [x: number, y: number] {
  const pixel = midpoint >> 1;
  const x = pixel % width;
  const y = (pixel - x) / width;
  return midpoint % 2 === 0 ? [x + 0.5, y] : [x, y + 0.5];
}

function corners(points: readonly (readonly [x: number, y: number])[]): number[] {
  const kept: number[] = [];
  points.forEach(([x, y], i) => {
    const [beforeX, beforeY] = points.at(i - 1)!;
    const [afterX, afterY] = points[(i + 1) % points.length]!;
    if ((x - beforeX) * (afterY - y) !== (y - beforeY) * (afterX - x)) kept.push(x, y);
  });
  return kept;
}
