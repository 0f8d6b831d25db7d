import { nanMean } from "../../numpy-mean.js";
import type { CandidateOfV1 } from "./candidate-v1.js";

export interface NamesOfV1 {
  readonly taskName: string;
  readonly trainer: string;
  readonly cascadeTrainer: string;
  readonly plans: string;
}

/** Returns prediction_commands.txt: how to predict with the best model, or each of several, by v1's own commands. */
export function predictionCommands(
  best: readonly CandidateOfV1[],
  { trainer, cascadeTrainer, plans, taskName }: NamesOfV1,
): string {
  const predict = (configuration: string, number: number): string =>
    `nnUNet_predict -i FOLDER_WITH_TEST_CASES -o OUTPUT_FOLDER_MODEL${number} -tr ${trainer} -ctr ${cascadeTrainer} -m ${configuration} -p ${plans} -t ${taskName}`;
  return best
    .map(({ members, postProcessingFile }) => {
      if (members.length === 1) return `${predict(members[0]!.configuration, 1)}\n`;
      const commands = members.map(({ configuration }, i) => `${predict(configuration, i + 1)} -z\n`);
      const postProcessing = postProcessingFile === null ? "" : ` -pp ${postProcessingFile}`;
      return `${commands.join("")}nnUNet_ensemble -f OUTPUT_FOLDER_MODEL1 OUTPUT_FOLDER_MODEL2 -o OUTPUT_FOLDER${postProcessing}\n`;
    })
    .join("");
}

/** Returns summary.csv: the Dice of each class in ascending order, and their mean. */
export function summaryTable(candidates: readonly CandidateOfV1[]): string {
  const labelsOf = ({ dices }: CandidateOfV1): readonly string[] =>
    [...dices.keys()].filter((label) => label !== "0").sort((a, b) => Number(a) - Number(b));
  const labels = labelsOf(candidates[0]!);
  const rows = candidates.map(({ name, dices }) => {
    const values = labels.map((label) => dices.get(label) ?? Number.NaN);
    return [name, ...[...values, nanMean(values)].map(fourDecimals)];
  });
  const head = ["model", ...labels.map((label) => `class${label}`), "average"];
  return [head, ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** As Python's `%.4f`, which rounds a tie to the even digit; only odd multiples of 1/32 are ties. */
function fourDecimals(value: number): string {
  if (Number.isNaN(value)) return "nan";
  const isTie = Math.abs((value * 32) % 2) === 1;
  const whole = Math.floor(value * 10_000);
  return isTie ? ((whole + (whole % 2)) / 10_000).toFixed(4) : value.toFixed(4);
}
