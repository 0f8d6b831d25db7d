import { perAxis, type Zyx } from "../../imaging/volume/axes.js";
import type { WindowOutputs } from "./window-sums.js";

/** The position of the network's grid in a label map, which may have another order of axes. */
export interface LabelTarget {
  readonly voxels: Uint8Array | Uint16Array;
  readonly start: number;
  readonly strideZyx: Zyx;
}

export interface LabelSumsShape {
  readonly heads: number;
  readonly patchZyx: Zyx;
  /** The network's grid. */
  readonly sizeZyx: Zyx;
  /** Where windows start along each axis, in ascending order; before 0 or beyond the end where the volume is padded. */
  readonly startsZyx: Zyx<readonly number[]>;
  /** One weight for each voxel of the patch. */
  readonly importance: Float32Array;
  readonly target: LabelTarget;
}

export interface FloatOutputs extends Pick<WindowOutputs, "cornersZyx" | "share"> {
  readonly values: Float32Array;
}

/** A stretch of an axis whose voxels are covered by the same windows. */
interface Band {
  readonly from: number;
  readonly to: number;
  /** The number of the last window that covers it. */
  readonly lastWindow: number;
}

/** The part of a slice where two bands cross: `head × y × x`, and the sum of weights as one more head. */
type Plate = Float32Array;

/**
 * The weighted sums of windows, which become labels as soon as no later window can change them. Only voxels that wait for
 * another window are in memory. It serves networks whose answer is needed on their own grid: nothing is interpolated.
 */
export class LabelSums {
  readonly #shape: LabelSumsShape;
  readonly #bands: Zyx<readonly Band[]>;
  /** By slice, band of rows and band of columns. */
  readonly #plates: (Plate | undefined)[] = [];
  /** Plates that are used again, by their length. */
  readonly #free = new Map<number, Plate[]>();
  #completed = 0;

  constructor(shape: LabelSumsShape) {
    this.#shape = shape;
    const { startsZyx, patchZyx, sizeZyx } = shape;
    this.#bands = perAxis((axis) => bandsOf(startsZyx[axis], patchZyx[axis], sizeZyx[axis]));
  }

  /** Adds outputs of windows that were not mirrored; the corners are on the network's grid. */
  add({ values, cornersZyx, share }: FloatOutputs): void {
    const perWindow = values.length / cornersZyx.length;
    cornersZyx.forEach((corner, i) => {
      const output = values.subarray(i * perWindow, (i + 1) * perWindow);
      this.#eachPlate(corner, (place) => this.#addTo(place, output, share));
    });
  }

  /** Turns into labels what no window changes after the next one, whose outputs have all been added. */
  complete(): void {
    const [, rows, columns] = this.#shape.startsZyx;
    const number = this.#completed++;
    const window: Zyx = [
      Math.floor(number / (rows.length * columns.length)),
      Math.floor(number / columns.length) % rows.length,
      number % columns.length,
    ];
    const corner = perAxis((axis) => this.#shape.startsZyx[axis][window[axis]]!);
    this.#eachPlate(corner, (place) => {
      this.#addWeights(place);
      const { zBand, yBand, xBand } = place;
      if (zBand.lastWindow !== window[0]) return;
      if (yBand.lastWindow !== window[1] || xBand.lastWindow !== window[2]) return;
      this.#paint(place);
      this.#plates[place.index] = undefined;
      this.#freeOf(place.plate.length).push(place.plate);
    });
  }

  #eachPlate(corner: Zyx, visit: (place: PlatePlace) => void): void {
    const { patchZyx } = this.#shape;
    const [zBands, yBands, xBands] = this.#bands;
    const isIn = (axis: 0 | 1 | 2, { from, to }: Band): boolean =>
      from >= corner[axis] && to <= corner[axis] + patchZyx[axis];
    for (const zBand of zBands) {
      if (!isIn(0, zBand)) continue;
      for (let z = zBand.from; z < zBand.to; z++)
        yBands.forEach((yBand, row) => {
          if (!isIn(1, yBand)) return;
          xBands.forEach((xBand, column) => {
            if (!isIn(2, xBand)) return;
            const index = (z * yBands.length + row) * xBands.length + column;
            visit({ index, z, zBand, yBand, xBand, corner, plate: this.#plate(index, yBand, xBand) });
          });
        });
    }
  }

  #plate(index: number, yBand: Band, xBand: Band): Plate {
    const present = this.#plates[index];
    if (present !== undefined) return present;
    const length = (this.#shape.heads + 1) * lengthOf(yBand) * lengthOf(xBand);
    const plate = this.#freeOf(length).pop()?.fill(0) ?? new Float32Array(length);
    this.#plates[index] = plate;
    return plate;
  }

  #freeOf(length: number): Plate[] {
    const found = this.#free.get(length) ?? [];
    this.#free.set(length, found);
    return found;
  }

  #addTo({ plate, z, yBand, xBand, corner }: PlatePlace, output: Float32Array, share: number): void {
    const { heads, patchZyx, importance } = this.#shape;
    const [pz, py, px] = patchZyx;
    const columns = lengthOf(xBand);
    let target = 0;
    for (let head = 0; head < heads; head++)
      for (let y = yBand.from; y < yBand.to; y++) {
        const row = ((z - corner[0]) * py + y - corner[1]) * px + xBand.from - corner[2];
        const source = head * pz * py * px + row;
        for (let x = 0; x < columns; x++)
          plate[target + x]! += output[source + x]! * importance[row + x]! * share;
        target += columns;
      }
  }

  #addWeights({ plate, z, yBand, xBand, corner }: PlatePlace): void {
    const { patchZyx, importance, heads } = this.#shape;
    const [, py, px] = patchZyx;
    const columns = lengthOf(xBand);
    let target = heads * lengthOf(yBand) * columns;
    for (let y = yBand.from; y < yBand.to; y++) {
      const row = ((z - corner[0]) * py + y - corner[1]) * px + xBand.from - corner[2];
      for (let x = 0; x < columns; x++) plate[target + x]! += importance[row + x]!;
      target += columns;
    }
  }

  /** Writes the head with the largest mean. Ties go to the lowest head, as in numpy's argmax. */
  #paint({ plate, z, yBand, xBand }: PlatePlace): void {
    const { heads, target } = this.#shape;
    const [strideZ, strideY, strideX] = target.strideZyx;
    const columns = lengthOf(xBand);
    const perHead = lengthOf(yBand) * columns;
    const weights = heads * perHead;
    for (let y = yBand.from, at = 0; y < yBand.to; y++) {
      let out = target.start + z * strideZ + y * strideY + xBand.from * strideX;
      for (let x = 0; x < columns; x++, at++, out += strideX) {
        const weight = plate[weights + at]!;
        let best = 0;
        let bestMean = Math.fround(plate[at]! / weight);
        for (let head = 1, source = at + perHead; head < heads; head++, source += perHead) {
          const mean = Math.fround(plate[source]! / weight);
          if (mean > bestMean) {
            bestMean = mean;
            best = head;
          }
        }
        target.voxels[out] = best;
      }
    }
  }
}

interface PlatePlace {
  readonly index: number;
  readonly z: number;
  readonly zBand: Band;
  readonly yBand: Band;
  readonly xBand: Band;
  /** The corner of the window. */
  readonly corner: Zyx;
  readonly plate: Plate;
}

const lengthOf = ({ from, to }: Band): number => to - from;

/** Cuts an axis wherever a window starts or ends. */
function bandsOf(starts: readonly number[], patch: number, size: number): readonly Band[] {
  const cuts = new Set([0, size, ...starts, ...starts.map((start) => start + patch)]);
  const places = [...cuts].filter((place) => place >= 0 && place <= size).sort((a, b) => a - b);
  return places.slice(1).map((to, i) => {
    const from = places[i]!;
    return { from, to, lastWindow: starts.findLastIndex((start) => start <= from && to <= start + patch) };
  });
}
