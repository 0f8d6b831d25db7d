import { roundToHalf } from "../../imaging/volume/float16.js";
import { blendSlices } from "./blend-slices.js";
import type { ExportTarget } from "./export-slices.js";
import type { ProbabilitySource } from "./probability-slice.js";

export interface EnsembleSlicesTask {
  /** At least two sources, with the same heads. */
  readonly sources: readonly ProbabilitySource[];
  /** The output slices that this call computes. The windows hold all network slices that they need. */
  readonly slices: { readonly from: number; readonly to: number };
  readonly target: ExportTarget;
  /** The labels that are painted for heads 0, 1, … where the head's mean exceeds 0.5; null for argmax. */
  readonly regionsClassOrder: readonly number[] | null;
}

/**
 * Averages the sources' probabilities on the image's grid and writes labels.
 *
 * If one class leads in every source at all corners of a cell, it leads in the mean everywhere in the cell, so only the
 * other cells are computed. The lead must be so large that no rounding to float16 can make two classes equal.
 */
export function ensembleSlices({ sources, slices, target, regionsClassOrder }: EnsembleSlicesTask): void {
  const planes = sources.map((source) => new SourceSlice(source));
  const { heads, tables } = sources[0]!;
  const isHalf = sources.every(({ nonlinearity }) => nonlinearity === "none");
  const [strideZ, strideY, strideX] = target.strideZyx;
  const rows = tables[1].lower.length;
  const columns = tables[2].lower.length;
  const sum = new Float32Array(heads);
  for (let z = slices.from; z < slices.to; z++) {
    for (const plane of planes) plane.moveTo(z, regionsClassOrder === null);
    for (let y = 0; y < rows; y++) {
      let out = target.start + z * strideZ + y * strideY;
      for (let x = 0; x < columns; x++, out += strideX) {
        if (regionsClassOrder === null) {
          const leader = commonLeader(planes, y, x);
          if (leader !== none) {
            target.voxels[out] = leader;
            continue;
          }
        }
        sum.fill(0);
        for (const plane of planes) plane.addTo(sum, y, x);
        for (let head = 0; head < heads; head++) {
          const mean = Math.fround(sum[head]! / planes.length);
          sum[head] = isHalf ? roundToHalf(mean) : mean;
        }
        if (regionsClassOrder === null) target.voxels[out] = largest(sum);
        else paintRegions(target, out, { sum, regionsClassOrder });
      }
    }
  }
}

const none = 0xffff;
/**
 * The least lead of logits (before softmax) and of probabilities. float16 distinguishes probabilities that differ by
 * 0.0005.
 */
const clearLead = { logits: 0.01, probabilities: 0.002 } as const;

function commonLeader(planes: readonly SourceSlice[], y: number, x: number): number {
  const leader = planes[0]!.leaderAt(y, x);
  for (let i = 1; leader !== none && i < planes.length; i++)
    if (planes[i]!.leaderAt(y, x) !== leader) return none;
  return leader;
}

/** Returns the index of the largest value. Ties go to the lowest head, as in numpy's argmax. */
function largest(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

function paintRegions(
  target: ExportTarget,
  out: number,
  { sum, regionsClassOrder }: { readonly sum: Float32Array; readonly regionsClassOrder: readonly number[] },
): void {
  for (const [head, label] of regionsClassOrder.entries()) if (sum[head]! > 0.5) target.voxels[out] = label;
}

/** One slice of one source, blended along z, on the network's rows and columns. */
class SourceSlice {
  readonly #plane: number;
  readonly #blended: Float32Array;
  /** The class that leads clearly at each network sample, or `none`. */
  readonly #leader: Uint16Array;
  readonly #values: Float32Array;

  readonly #source: ProbabilitySource;

  constructor(source: ProbabilitySource) {
    this.#source = source;

    this.#plane = source.networkRows * source.networkColumns;
    this.#blended = new Float32Array(source.heads * this.#plane);
    this.#leader = new Uint16Array(this.#plane);
    this.#values = new Float32Array(source.heads);
  }

  moveTo(z: number, findsLeaders: boolean): void {
    const source = this.#source;
    const blended = this.#blended;
    blendSlices(blended, { window: source.window, table: source.tables[0], z });
    if (findsLeaders) this.#findLeaders();
  }

  leaderAt(y: number, x: number): number {
    const source = this.#source;
    const leader = this.#leader;
    const [, rows, columns] = source.tables;
    const upper = rows.lower[y]! * source.networkColumns;
    const lower = rows.upper[y]! * source.networkColumns;
    const x0 = columns.lower[x]!;
    const x1 = columns.upper[x]!;
    const first = leader[upper + x0]!;
    const agree =
      leader[upper + x1] === first && leader[lower + x0] === first && leader[lower + x1] === first;
    return agree ? first : none;
  }

  /** Adds the probabilities of one output voxel. */
  addTo(sum: Float32Array, y: number, x: number): void {
    const source = this.#source;
    const blended = this.#blended;
    const plane = this.#plane;
    const values = this.#values;
    const [, rows, columns] = source.tables;
    const upper = rows.lower[y]! * source.networkColumns;
    const lower = rows.upper[y]! * source.networkColumns;
    const x0 = columns.lower[x]!;
    const x1 = columns.upper[x]!;
    const wy = rows.weight[y]!;
    const wx = columns.weight[x]!;
    for (let head = 0, at = 0; head < values.length; head++, at += plane) {
      const above = (1 - wx) * blended[at + upper + x0]! + wx * blended[at + upper + x1]!;
      const below = (1 - wx) * blended[at + lower + x0]! + wx * blended[at + lower + x1]!;
      values[head] = (1 - wy) * above + wy * below;
    }
    this.#toProbabilities();
    for (let head = 0; head < values.length; head++) sum[head]! += values[head]!;
  }

  #toProbabilities(): void {
    const values = this.#values;
    const { nonlinearity } = this.#source;
    if (nonlinearity === "none") {
      for (let head = 0; head < values.length; head++) values[head] = roundToHalf(values[head]!);
    } else if (nonlinearity === "sigmoid") {
      for (let head = 0; head < values.length; head++) values[head] = 1 / (1 + Math.exp(-values[head]!));
    } else {
      let peak = Number.NEGATIVE_INFINITY;
      for (let head = 0; head < values.length; head++) peak = Math.max(peak, values[head]!);
      let total = 0;
      for (let head = 0; head < values.length; head++) {
        const power = Math.exp(values[head]! - peak);
        values[head] = power;
        total += power;
      }
      for (let head = 0; head < values.length; head++) values[head] = values[head]! / total;
    }
  }

  #findLeaders(): void {
    const blended = this.#blended;
    const leader = this.#leader;
    const plane = this.#plane;
    const lead = this.#source.nonlinearity === "none" ? clearLead.probabilities : clearLead.logits;
    for (let i = 0; i < plane; i++) {
      let best = 0;
      let bestValue = blended[i]!;
      let second = Number.NEGATIVE_INFINITY;
      for (let head = 1, at = i + plane; head < this.#source.heads; head++, at += plane) {
        const value = blended[at]!;
        if (value > bestValue) {
          second = bestValue;
          bestValue = value;
          best = head;
        } else if (value > second) second = value;
      }
      leader[i] = bestValue - second >= lead ? best : none;
    }
  }
}
