import { nanMean } from "../numpy-mean.js";
import type { Evaluation } from "./evaluate.js";

/** The scores of one label in one case. */
export interface TableRow {
  readonly caseName: string;
  readonly label: string;
  readonly values: Readonly<Record<string, number>>;
}

/** Returns one row for each case and label, with volumes in millilitres and, if asked for, distances between surfaces. */
export const tableRows = ({ summary, cases, labelNames }: Evaluation): readonly TableRow[] =>
  cases.flatMap(({ name, surfaces, voxelVolumeMm3 }, caseIndex) =>
    labelNames.map((label, i) => {
      const scores = summary.cases[caseIndex]!.scores[i]!;
      const surface = surfaces?.[i];
      const values: Record<string, number> = {
        Dice: scores.Dice,
        IoU: scores.IoU,
        TP: scores.TP,
        FP: scores.FP,
        FN: scores.FN,
        TN: scores.TN,
        reference_ml: (scores.n_ref * voxelVolumeMm3) / 1000,
        prediction_ml: (scores.n_pred * voxelVolumeMm3) / 1000,
      };
      if (surface !== undefined) {
        values["HD95_mm"] = surface.hd95Mm;
        values["surface_Dice"] = surface.surfaceDice;
      }
      return { caseName: name, label, values };
    }),
  );

/** The mean scores of one label. */
export type MeanRow = Omit<TableRow, "caseName">;

/**
 * Returns one row for each label: Dice and IoU as summary.json has them and, if asked for, the means of HD95 and surface Dice
 * over the cases that have a value. NaN if no case has one.
 */
export function meanRows(evaluation: Evaluation): readonly MeanRow[] {
  const rows = tableRows(evaluation);
  const ofSurfaces = ["HD95_mm", "surface_Dice"].filter((column) => column in (rows[0]?.values ?? {}));
  return evaluation.labelNames.map((label, i) => {
    const { Dice, IoU } = evaluation.summary.meanOfLabel[i]!;
    const ofLabel = rows.filter((row) => row.label === label);
    const means = ofSurfaces.map((column) => [column, nanMean(ofLabel.map(({ values }) => values[column]!))]);
    return { label, values: { Dice, IoU, ...Object.fromEntries(means) } };
  });
}

/** Returns the rows as comma-separated values with a header line. A score without a value is an empty field. */
export function csvText(rows: readonly TableRow[]): string {
  const columns = Object.keys(rows[0]?.values ?? {});
  const lines = rows.map(({ caseName, label, values }) => [
    caseName,
    label,
    ...columns.map((column) => (Number.isNaN(values[column]) ? "" : String(values[column]))),
  ]);
  return [["case", "label", ...columns], ...lines]
    .map((line) => `${line.map(csvField).join(",")}\n`)
    .join("");
}

const csvField = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
