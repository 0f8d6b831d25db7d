import type { DicomSettings } from "../../contract/dicom-settings.js";
import { dicomError } from "./errors.js";
import { groupBy } from "./group-by.js";
import { frameName, type ImageFrame } from "./image-frame.js";
import { sortAlongNormal } from "./slice-geometry.js";
import type { PlacedFrame } from "./slice-steps.js";

/** Something that can tell the volumes of a series apart. */
interface Separator {
  readonly name: string;
  valueOf(frame: ImageFrame): string | number | null;
  /** The value that the user chose; null if the user chose none, or can't. */
  chosen(options: DicomSettings): number | null;
}

const none = (): null => null;

/** In the order in which they are tried. */
const separators: readonly Separator[] = [
  {
    name: "b-value",
    valueOf: ({ volumeKeys }) => volumeKeys.bValue ?? 0,
    chosen: ({ bValue }) => bValue,
  },
  {
    name: "TemporalPositionIdentifier",
    valueOf: ({ volumeKeys }) => volumeKeys.temporalPosition,
    chosen: ({ temporalPosition }) => temporalPosition,
  },
  {
    name: "EchoNumbers",
    valueOf: ({ volumeKeys }) => volumeKeys.echoNumber,
    chosen: ({ echoNumber }) => echoNumber,
  },
  { name: "EchoTime", valueOf: ({ volumeKeys }) => volumeKeys.echoTimeMs, chosen: none },
  {
    name: "AcquisitionNumber",
    valueOf: ({ volumeKeys }) => volumeKeys.acquisitionNumber,
    chosen: ({ acquisitionNumber }) => acquisitionNumber,
  },
  { name: "ImageType", valueOf: ({ imageType }) => imageType.join("\\"), chosen: none },
  {
    name: "NominalPercentageOfCardiacPhase",
    valueOf: ({ volumeKeys }) => volumeKeys.heartPhase,
    chosen: none,
  },
  { name: "TriggerTime", valueOf: ({ volumeKeys }) => volumeKeys.triggerTimeMs, chosen: none },
  { name: "StackID", valueOf: ({ volumeKeys }) => volumeKeys.stackId, chosen: none },
];

/**
 * Returns the images of one volume, in which no position repeats. If positions repeat, the volume is the one that the
 * options choose.
 *
 * @throws DICOM_SEVERAL_VOLUMES, DICOM_DUPLICATE_POSITION
 */
export function chooseVolume(frames: readonly ImageFrame[], options: DicomSettings): readonly ImageFrame[] {
  let left = frames;
  let stacked = stackPositions(left);
  for (const separator of separators) {
    if (stacked.repeated === null) return left;
    const chosen = separator.chosen(options);
    if (chosen === null) continue;
    left = framesOf(left, separator, chosen);
    stacked = stackPositions(left);
  }
  if (stacked.repeated === null) return left;
  const dividing = dividingSeparators(left, stacked.positions);
  if (dividing !== null)
    throw dicomError(
      "DICOM_SEVERAL_VOLUMES",
      `the series has several volumes, which differ in ${dividing.map((one) => `${one.name} (${valuesText(left, one)})`).join(" and ")}`,
    );
  const [first, second] = stacked.repeated;
  throw dicomError(
    "DICOM_DUPLICATE_POSITION",
    `${frameName(first)} and ${frameName(second)} are different images at one position`,
  );
}

/** Returns the images with the value that was chosen. For the b-value, this is the nearest one. */
function framesOf(
  frames: readonly ImageFrame[],
  separator: Separator,
  chosen: number,
): readonly ImageFrame[] {
  const numbers = [...new Set(frames.map((frame) => separator.valueOf(frame)))].filter(
    (value): value is number => typeof value === "number",
  );
  if (numbers.length === 0 && frames.length > 0) return frames;
  const distance = (value: number): number => Math.abs(value - chosen);
  const [nearest] = numbers.sort((a, b) => distance(a) - distance(b) || a - b);
  if (separator.name !== "b-value" && nearest !== chosen)
    throw dicomError(
      "DICOM_SEVERAL_VOLUMES",
      `no image has ${separator.name} ${chosen}; there are ${valuesText(frames, separator)}`,
    );
  return frames.filter((frame) => separator.valueOf(frame) === nearest);
}

interface StackedPositions {
  /** The number of each image's position. */
  readonly positions: ReadonlyMap<ImageFrame, number>;
  /** Two images at one position; null if all positions differ. */
  readonly repeated: readonly [ImageFrame, ImageFrame] | null;
}

/** Positions that are closer are the same; both are written with the same digits in all volumes of a series. */
const samePositionMm = 1e-3;

function stackPositions(frames: readonly ImageFrame[]): StackedPositions {
  const positions = new Map<ImageFrame, number>();
  if (frames.some(({ positionMm }) => positionMm === null)) return { positions, repeated: null };
  let repeated: StackedPositions["repeated"] = null;
  const distinct: PlacedFrame[] = [];
  for (const placed of sortAlongNormal(frames)) {
    const same = indexOfSamePosition(placed, distinct);
    if (same === -1) distinct.push(placed);
    else repeated ??= [distinct[same]!.frame, placed.frame];
    positions.set(placed.frame, same === -1 ? distinct.length - 1 : same);
  }
  return { positions, repeated };
}

/** Looks among the last positions, because equal ones are next to each other along the normal. */
function indexOfSamePosition({ frame, alongMm }: PlacedFrame, sorted: readonly PlacedFrame[]): number {
  for (let i = sorted.length - 1; i >= Math.max(0, sorted.length - 32); i--) {
    const other = sorted[i]!;
    // The diagonal of a cube is less than twice as long as its edge.
    if (alongMm - other.alongMm > 2 * samePositionMm) return -1;
    if (isSamePosition(frame, other.frame)) return i;
  }
  return -1;
}

const isSamePosition = (a: ImageFrame, b: ImageFrame): boolean =>
  a.positionMm!.every((mm, axis) => Math.abs(mm - b.positionMm![axis]!) <= samePositionMm);

/** Returns one or two separators that divide the images into complete volumes; null if there are none. */
function dividingSeparators(
  frames: readonly ImageFrame[],
  positions: ReadonlyMap<ImageFrame, number>,
): readonly Separator[] | null {
  const varying = separators.filter((one) => new Set(frames.map((frame) => one.valueOf(frame))).size > 1);
  const sets = [
    ...varying.map((one) => [one]),
    ...varying.flatMap((one, i) => varying.slice(i + 1).map((other) => [one, other])),
  ];
  return sets.find((set) => dividesIntoVolumes(frames, set, positions)) ?? null;
}

function dividesIntoVolumes(
  frames: readonly ImageFrame[],
  set: readonly Separator[],
  positions: ReadonlyMap<ImageFrame, number>,
): boolean {
  const volumes = groupBy(frames, (frame) => JSON.stringify(set.map((one) => one.valueOf(frame))));
  const count = new Set(positions.values()).size;
  return [...volumes.values()].every(
    (volume) =>
      volume.length === count && new Set(volume.map((frame) => positions.get(frame))).size === count,
  );
}

const mostValuesShown = 20;

function valuesText(frames: readonly ImageFrame[], separator: Separator): string {
  const values = [...new Set(frames.map((frame) => separator.valueOf(frame)))].sort((a, b) =>
    typeof a === "number" && typeof b === "number" ? a - b : String(a) < String(b) ? -1 : 1,
  );
  const shown = values.slice(0, mostValuesShown).map((value) => (value === null ? "none" : String(value)));
  return `${shown.join(", ")}${values.length > mostValuesShown ? ", …" : ""}`;
}
