import { percentile } from "../planning/percentile.js";
import type { WorkTools } from "../threads/each-case.js";
import { answeredFacts } from "./case-facts.js";
import type { DatasetJson } from "./dataset-json.js";
import type { ImageFacts, LabelFacts } from "./examine-case.js";
import type { ImageReaderName } from "./image-reader.js";
import type { DatasetCase } from "./list-cases.js";
import type { Intensities } from "./measure-voxels.js";

/** One row of the table of a data set. */
export interface ShownCase {
  readonly id: string;
  readonly sizeZyx: readonly number[];
  readonly spacingMmZyx: readonly number[];
  /** One entry for each channel. */
  readonly intensities: readonly Intensities[];
  /** The volume of each label that occurs, in millilitres. */
  readonly labelMillilitres: Readonly<Record<string, number>>;
  /** What makes the case unlike the others; empty for most. */
  readonly outliers: readonly string[];
}

/** Reads all cases and lists their sizes, spacings, intensities and labels. */
export async function showDataset(
  question: {
    readonly name: string;
    readonly dataset: DatasetJson;
    readonly cases: readonly DatasetCase[];
    readonly reader: ImageReaderName;
  },
  tools: WorkTools,
): Promise<readonly ShownCase[]> {
  const facts = await answeredFacts(question, tools);
  const rows = facts.map(({ id, images, label }) => rowOf(id, images, label));
  return withOutliers(rows);
}

function rowOf(id: string, images: readonly ImageFacts[], label: LabelFacts | null): ShownCase {
  const [first] = images;
  const millilitresPerVoxel = first === undefined ? 0 : first.spacingMmZyx.reduce((a, b) => a * b, 1) / 1000;
  return {
    id,
    sizeZyx: first?.sizeZyx ?? [],
    spacingMmZyx: first?.spacingMmZyx ?? [],
    intensities: images.flatMap(({ intensities }) => intensities ?? []),
    labelMillilitres: Object.fromEntries(
      (label?.values ?? []).flatMap((value, i) =>
        value === 0 ? [] : [[String(value), label!.counts[i]! * millilitresPerVoxel]],
      ),
    ),
    outliers: [],
  };
}

/** Values beyond the quartiles by more than this many times their distance are outliers (Tukey's far fence). */
const fence = 3;

function withOutliers(rows: readonly ShownCase[]): readonly ShownCase[] {
  const outliers = rows.map((): string[] => []);
  const look = (what: string, measured: (row: ShownCase) => number | undefined): void => {
    const values = rows.map(measured);
    const known = values.filter((value) => value !== undefined && Number.isFinite(value)) as number[];
    if (known.length < 4) return;
    const [low, middle, high] = [25, 50, 75].map((percent) => percentile(known, percent)) as [
      number,
      number,
      number,
    ];
    // Equal values have no spread; a tenth of the median is then the least difference that counts.
    const reach = Math.max(fence * (high - low), 0.1 * Math.abs(middle));
    values.forEach((value, i) => {
      if (value === undefined || (value >= low - reach && value <= high + reach)) return;
      outliers[i]!.push(`${what} ${Number(value.toPrecision(4))} (median ${Number(middle.toPrecision(4))})`);
    });
  };
  for (const [axis, name] of ["z", "y", "x"].entries()) {
    look(`size ${name}`, (row) => row.sizeZyx[axis]);
    look(`spacing ${name}`, (row) => row.spacingMmZyx[axis]);
  }
  const channels = rows.reduce((most, { intensities }) => Math.max(most, intensities.length), 0);
  for (let channel = 0; channel < channels; channel++)
    look(`mean of channel ${channel}`, (row) => row.intensities[channel]?.mean);
  const labels = [...new Set(rows.flatMap(({ labelMillilitres }) => Object.keys(labelMillilitres)))];
  for (const label of labels)
    look(`millilitres of label ${label}`, (row) => row.labelMillilitres[label] ?? 0);
  return rows.map((row, i) => ({ ...row, outliers: outliers[i]! }));
}
