import type { ZoomInput } from "../../imaging/resampling/zoom.js";
import type { LabelVolume } from "./label-boxes.js";

export interface MeasureClassesTask extends LabelVolume {
  /** The image, on the same grid. */
  readonly intensities: ZoomInput;
  readonly labels: readonly number[];
  readonly aggregation: "mean" | "median";
}

/** The voxels and intensities of one class. Intensities are cut to int16, as in TotalSegmentator. */
export interface ClassMeasures {
  readonly voxels: number;
  /** True if a voxel is one of the outer three along any axis. */
  readonly touchesBorder: boolean;
  /** The mean or the median. */
  readonly intensity: number;
  readonly deviation: number;
  readonly smallest: number;
  readonly largest: number;
  readonly centreXyz: readonly [number, number, number];
  readonly firstXyz: readonly [number, number, number];
  readonly lastXyz: readonly [number, number, number];
}

const borderVoxels = 3;

/** Measures classes; one that has no voxels is left out. */
export function measureClasses(task: MeasureClassesTask): ReadonlyMap<number, ClassMeasures> {
  const { labels, aggregation } = task;
  const histograms = histogramsOf(task);
  const places = placesOf(task);
  const measured = new Map<number, ClassMeasures>();
  for (const label of labels) {
    const histogram = histograms.get(label);
    const place = places.get(label);
    if (histogram === undefined || place === undefined) continue;
    const { voxels, sum, first, last } = place;
    const spread = spreadOf(histogram, voxels);
    measured.set(label, {
      voxels,
      touchesBorder: place.touchesBorder,
      intensity: aggregation === "mean" ? spread.mean : spread.median,
      deviation: spread.deviation,
      smallest: spread.smallest,
      largest: spread.largest,
      centreXyz: [sum[0]! / voxels, sum[1]! / voxels, sum[2]! / voxels],
      firstXyz: [first[0]!, first[1]!, first[2]!],
      lastXyz: [last[0]!, last[1]!, last[2]!],
    });
  }
  return measured;
}

const int16Values = 65536;
const toInt16 = (value: number): number => ((value | 0) << 16) >> 16;

/** Counts every intensity of each class. */
function histogramsOf({ voxels, intensities, labels }: MeasureClassesTask): ReadonlyMap<number, Uint32Array> {
  const counts: (Uint32Array | undefined)[] = [];
  const wanted = new Set(labels);
  for (let i = 0; i < voxels.length; i++) {
    const label = voxels[i]!;
    if (label === 0) continue;
    if (counts[label] === undefined) counts[label] = new Uint32Array(wanted.has(label) ? int16Values : 0);
    const histogram = counts[label];
    if (histogram.length > 0) histogram[toInt16(intensities[i]!) + 32768]!++;
  }
  return new Map(labels.flatMap((label) => (counts[label] === undefined ? [] : [[label, counts[label]]])));
}

function spreadOf(histogram: Uint32Array, voxels: number) {
  let sum = 0;
  let smallest = Number.NaN;
  let largest = Number.NaN;
  let before = 0;
  const middle: number[] = [];
  const middles = voxels % 2 === 1 ? [(voxels - 1) / 2] : [voxels / 2 - 1, voxels / 2];
  for (let i = 0; i < int16Values; i++) {
    const count = histogram[i]!;
    if (count === 0) continue;
    const value = i - 32768;
    sum += value * count;
    if (Number.isNaN(smallest)) smallest = value;
    largest = value;
    for (const place of middles) if (place >= before && place < before + count) middle.push(value);
    before += count;
  }
  const mean = sum / voxels;
  let squares = 0;
  for (let i = 0; i < int16Values; i++) squares += histogram[i]! * (i - 32768 - mean) ** 2;
  return {
    mean,
    median: middle.reduce((a, b) => a + b, 0) / middle.length,
    deviation: Math.sqrt(squares / voxels),
    smallest,
    largest,
  };
}

interface Place {
  voxels: number;
  touchesBorder: boolean;
  readonly sum: [number, number, number];
  readonly first: [number, number, number];
  readonly last: [number, number, number];
}

function placesOf({
  voxels,
  sizeZyx: [slices, rows, columns],
}: MeasureClassesTask): ReadonlyMap<number, Place> {
  const places = new Map<number, Place>();
  const isOuter = (i: number, size: number): boolean => i < borderVoxels || i >= size - borderVoxels;
  for (let z = 0, at = 0; z < slices; z++)
    for (let y = 0; y < rows; y++) {
      const isOuterRow = isOuter(z, slices) || isOuter(y, rows);
      for (let x = 0; x < columns; x++, at++) {
        const label = voxels[at]!;
        if (label === 0) continue;
        const place = places.get(label) ?? newPlace(places, label, [x, y, z]);
        place.voxels++;
        if (isOuterRow || isOuter(x, columns)) place.touchesBorder = true;
        place.sum[0] += x;
        place.sum[1] += y;
        place.sum[2] += z;
        if (x < place.first[0]) place.first[0] = x;
        if (y < place.first[1]) place.first[1] = y;
        if (x > place.last[0]) place.last[0] = x;
        if (y > place.last[1]) place.last[1] = y;
        place.last[2] = z;
      }
    }
  return places;
}

function newPlace(places: Map<number, Place>, label: number, at: readonly [number, number, number]): Place {
  const [x, y, z] = at;
  const place: Place = { voxels: 0, touchesBorder: false, sum: [0, 0, 0], first: [x, y, z], last: [x, y, z] };
  places.set(label, place);
  return place;
}
