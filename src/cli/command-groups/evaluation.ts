import type { Command } from "../command.js";
import { evaluateNvidiaOptions, evaluateOptions } from "../options/evaluation-options.js";
import {
  accumulateOptions,
  ensembleOptions,
  findBestOptions,
  postprocessOptions,
} from "../options/selection-options.js";

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
  "evaluate-nvidia": {
    usage: "evaluate-nvidia",
    describe: "score probabilities of NVIDIA's nnU-Net against references, as its evaluate.py does",
    options: evaluateNvidiaOptions,
    examples: [
      [
        "$0 evaluate-nvidia --preds predictions/ --lbls labelsTr/",
        "prints the mean Dice and that of each label",
      ],
    ],
    load: async () => (await import("../commands/evaluate-nvidia.js")).runEvaluateNvidia,
  },
  "find-best": {
    usage: "find-best <datasets..>",
    describe: "compare the trained models of a data set and their averages, and choose post-processing",
    options: findBestOptions,
    positional: {
      datasets: {
        type: "string",
        array: true,
        describe: "numbers or names of data sets, such as 4 or Dataset004_Liver",
      },
    },
    examples: [
      ["$0 find-best 4 --write-config config.json", "compares nnU-Net's four configurations"],
      ["$0 find-best 4 -c 2d 3d_fullres --no-ensembles", "compares two models, without their average"],
      ["$0 find-best 4 --nnunet v1 -c 2d 3d_fullres", "compares two models of v1 and their average"],
    ],
    load: async () => (await import("../commands/find-best.js")).runFindBest,
  },
  accumulate: {
    usage: "accumulate <datasets..>",
    describe: "collect the validation predictions of all folds of a model, and score them",
    options: accumulateOptions,
    positional: {
      datasets: {
        type: "string",
        array: true,
        describe: "numbers or names of data sets, such as 4 or Dataset004_Liver",
      },
    },
    examples: [["$0 accumulate 4 -c 3d_fullres", "writes crossval_results_folds_0_1_2_3_4/summary.json"]],
    load: async () => (await import("../commands/accumulate.js")).runAccumulate,
  },
  ensemble: {
    usage: "ensemble",
    describe: "average the probabilities that several models have saved",
    options: ensembleOptions,
    examples: [["$0 ensemble -i out_2d/ out_3d/ -o segmentations/", "averages two models case by case"]],
    load: async () => (await import("../commands/ensemble.js")).runEnsemble,
  },
  postprocess: {
    usage: "postprocess <action>",
    describe: "decide which largest components to keep, or keep them in a folder of segmentations",
    options: postprocessOptions,
    positional: { action: { choices: ["determine", "apply"], describe: "what to do" } },
    examples: [
      ["$0 postprocess determine -i crossval/ --references labelsTr/", "writes crossval/postprocessing.json"],
      ["$0 postprocess apply -i raw/ -o final/ --post-processing postprocessing.pkl", "applies it"],
    ],
    load: async () => (await import("../commands/postprocess.js")).runPostprocess,
  },
};
