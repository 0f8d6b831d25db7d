import { duration } from "../../nnunet/training/duration.js";
import type { FoldProgress } from "../../nnunet/training/fold-progress.js";
import type { ListedTraining } from "./list-trainings.js";

/** The model of a fold, such as `Dataset004_Liver 3d_fullres nnUNetTrainer nnUNetPlans`. */
export const modelText = ({ dataset, configuration, trainer, plans }: ListedTraining): string =>
  [dataset, configuration, trainer, plans].join(" ");

/** @example stateText(fold, now) // "training" or "no news for 3.0 h" */
export function stateText({ state, changedMs }: FoldProgress, nowMs: number): string {
  return state === "silent" ? `no news for ${duration((nowMs - changedMs) / 1000)}` : state;
}

/** @example epochText(fold) // "12 of 1000" */
export function epochText({ last, epochs }: FoldProgress): string {
  if (last === null) return epochs === null ? "–" : `– of ${epochs}`;
  return epochs === null ? String(last.epoch) : `${last.epoch} of ${epochs}`;
}

/** The Dice of each label in the patches of the last epoch, or of the validation after the training. */
export function diceText({ last, validationDice }: FoldProgress): string {
  if (validationDice !== null) return `${validationDice.toFixed(4)} in the validation`;
  const dices = last?.pseudoDice ?? [];
  return dices.length === 0
    ? "–"
    : dices.map((value) => (Number.isNaN(value) ? "–" : value.toFixed(3))).join(" ");
}

export const leftText = ({ secondsLeft }: FoldProgress): string =>
  secondsLeft === null ? "–" : duration(secondsLeft);

export const lossText = (loss: number | undefined): string => (loss === undefined ? "–" : String(loss));

/** Returns the folds of each model, by its text. */
export function byModel(
  trainings: readonly ListedTraining[],
): ReadonlyMap<string, readonly ListedTraining[]> {
  const models = new Map<string, ListedTraining[]>();
  for (const training of trainings) {
    const model = modelText(training);
    models.set(model, [...(models.get(model) ?? []), training]);
  }
  return models;
}

const columns: readonly (readonly [
  head: string,
  cell: (training: ListedTraining, nowMs: number) => string,
])[] = [
  ["fold", ({ fold }) => String(fold)],
  ["state", stateText],
  ["epoch", epochText],
  ["train loss", ({ last }) => lossText(last?.trainLoss)],
  ["validation loss", ({ last }) => lossText(last?.validationLoss)],
  ["Dice", diceText],
  ["time left", leftText],
];

/** Formats trainings as a table for each model. */
export function trainingsText(trainings: readonly ListedTraining[], nowMs: number): string {
  return [...byModel(trainings)]
    .map(([model, folds]) => {
      const rows = [columns.map(([head]) => head)].concat(
        folds.map((fold) => columns.map(([, cell]) => cell(fold, nowMs))),
      );
      const widths = columns.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
      const lines = rows.map((row) =>
        `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd(),
      );
      return `${[model, ...lines].join("\n")}\n`;
    })
    .join("");
}
