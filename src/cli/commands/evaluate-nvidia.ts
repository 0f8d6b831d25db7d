import { resolve } from "node:path";
import type { InferredOptionTypes } from "yargs";
import { evaluateNvidia, type NvidiaEvaluation } from "../../nnunet/evaluation/evaluate-nvidia.js";
import type { CommandSession } from "../command-session.js";
import { jsonText } from "../json-text.js";
import type { evaluateNvidiaOptions } from "../options/evaluation-options.js";

type EvaluateNvidiaArguments = InferredOptionTypes<typeof evaluateNvidiaOptions>;

/** `build_processor evaluate-nvidia`: scores probabilities as NVIDIA's `evaluate.py`. */
export async function runEvaluateNvidia(
  args: EvaluateNvidiaArguments,
  { terminal, progress, signal }: CommandSession,
): Promise<number> {
  const evaluation = await evaluateNvidia({
    predictionFolder: resolve(terminal.currentDirectory, args.preds),
    referenceFolder: resolve(terminal.currentDirectory, args.lbls),
    progress,
    signal,
  });
  terminal.out(args.json ? jsonText(evaluation) : `${nvidiaLine(evaluation)}\n`);
  return 0;
}

/** Returns NVIDIA's line, with its four decimals. */
function nvidiaLine({ meanDice, diceOfLabels }: NvidiaEvaluation): string {
  const rounded = (value: number): number => Math.round(value * 10_000) / 10_000;
  return `mean dice: ${rounded(meanDice)} - ${diceOfLabels.map((dice, i) => `L${i + 1} ${rounded(dice)}`).join(" ")}`;
}
