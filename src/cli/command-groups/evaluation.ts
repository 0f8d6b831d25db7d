import type { Command } from "../command.js";
import { evaluateOptions } from "../options/evaluation-options.js";

/** The commands that compare segmentations with references. */
export const evaluationCommands: Readonly<Record<string, Command>> = {
  evaluate: {
    usage: "evaluate <references> <predictions>",
    describe: "score segmentations against references, as nnU-Net does",
    options: evaluateOptions,
    positional: {
      references: { type: "string", describe: "folder with the right segmentations" },
      predictions: {
        type: "string",
        describe: "folder with the segmentations to score, under the same file names",
      },
    },
    examples: [
      [
        "$0 evaluate labelsTr/ segmentations/ --html report.html",
        "writes segmentations/summary.json and a page",
      ],
      ["$0 evaluate labelsTr/ segmentations/ -l 1 2", "scores two labels without a dataset.json"],
    ],
    load: async () => (await import("../commands/evaluate.js")).runEvaluate,
  },
};
