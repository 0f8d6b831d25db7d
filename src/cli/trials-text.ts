import type { DeterminedPostProcessing } from "../nnunet/selection/determine-post-processing.js";

/** Returns one line for each post-processing that was tried. */
export const trialsText = ({ trials }: Pick<DeterminedPostProcessing, "trials">): string =>
  [
    "keeping only the largest component of\n",
    ...trials.map(({ label, diceBefore, diceAfter, isAccepted }) => {
      const name = label === null ? "all labels together" : `label ${label.key}`;
      return `  ${name.padEnd(20)} Dice ${dice(diceBefore)} → ${dice(diceAfter)}  ${isAccepted ? "yes" : "no"}\n`;
    }),
  ].join("");

const dice = (value: number): string => (Number.isNaN(value) ? "none" : value.toFixed(5));
