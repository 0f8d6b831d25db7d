import type { LabelMap } from "../imaging/volume/label-map.js";

/** The box around one label in one slice, ends excluded. */
export interface SliceExtent {
  readonly z: number;
  readonly rows: readonly [start: number, end: number];
  readonly columns: readonly [start: number, end: number];
}

/** Finds in which slices each label other than 0 is, and where, in ascending order of labels and slices. */
export function findLabelExtents({
  voxels,
  geometry,
}: LabelMap): ReadonlyMap<number, readonly SliceExtent[]> {
  const [slices, rows, columns] = geometry.sizeZyx;
  const found = new Map<number, SliceExtent[]>();
  const boxes = new BoxesOfSlice(voxels instanceof Uint8Array ? 256 : 65536);
  const words = wordsOf(voxels, columns);
  for (let z = 0; z < slices; z++) {
    for (let y = 0; y < rows; y++) {
      const start = (z * rows + y) * columns;
      let label = 0;
      for (let x = 0; x < columns; x++) {
        const here = voxels[start + x]!;
        if (here === label) {
          // Most voxels have the label of those before them, and four of them are one comparison.
          if (words !== null && (x & 3) === 0 && words[(start + x) >> 2] === label * 0x01010101) x += 3;
          continue;
        }
        if (label !== 0) boxes.end(label, x);
        if (here !== 0) boxes.begin(here, x, y);
        label = here;
      }
      if (label !== 0) boxes.end(label, columns);
    }
    for (const [label, extent] of boxes.take(z)) {
      const list = found.get(label);
      if (list === undefined) found.set(label, [extent]);
      else list.push(extent);
    }
  }
  return new Map([...found].sort(([a], [b]) => a - b));
}

/** Returns four voxels as one number each; null if rows do not begin at such a number, or labels have two bytes. */
function wordsOf(voxels: Uint8Array | Uint16Array, columns: number): Uint32Array | null {
  const isAligned = columns % 4 === 0 && voxels.byteOffset % 4 === 0;
  return voxels instanceof Uint8Array && isAligned
    ? new Uint32Array(voxels.buffer, voxels.byteOffset, voxels.length >> 2)
    : null;
}

/** The boxes around the labels of one slice, which grow by runs of equal voxels. */
class BoxesOfSlice {
  readonly #present: number[] = [];
  readonly #firstRow: Int32Array;
  readonly #lastRow: Int32Array;
  readonly #firstColumn: Int32Array;
  readonly #endColumn: Int32Array;

  constructor(labels: number) {
    this.#firstRow = new Int32Array(labels).fill(-1);
    this.#lastRow = new Int32Array(labels);
    this.#firstColumn = new Int32Array(labels);
    this.#endColumn = new Int32Array(labels);
  }

  begin(label: number, x: number, y: number): void {
    if (this.#firstRow[label] === -1) {
      this.#present.push(label);
      this.#firstRow[label] = y;
      this.#firstColumn[label] = x;
      this.#endColumn[label] = x + 1;
    } else if (x < this.#firstColumn[label]!) this.#firstColumn[label] = x;
    this.#lastRow[label] = y;
  }

  end(label: number, x: number): void {
    if (x > this.#endColumn[label]!) this.#endColumn[label] = x;
  }

  /** Returns the boxes, and forgets them. */
  take(z: number): readonly (readonly [label: number, extent: SliceExtent])[] {
    const boxes = this.#present.map((label): readonly [number, SliceExtent] => [
      label,
      {
        z,
        rows: [this.#firstRow[label]!, this.#lastRow[label]! + 1],
        columns: [this.#firstColumn[label]!, this.#endColumn[label]!],
      },
    ]);
    for (const label of this.#present) this.#firstRow[label] = -1;
    this.#present.length = 0;
    return boxes;
  }
}
