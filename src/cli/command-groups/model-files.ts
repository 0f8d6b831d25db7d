import type { Command } from "../command.js";
import {
  changeTrainerOptions,
  exportModelOptions,
  importModelOptions,
  movePlansOptions,
  plotOverlaysOptions,
} from "../options/model-file-options.js";

/** The commands that pass trained models and plans on, and show data. */
export const modelFileCommands: Readonly<Record<string, Command>> = {
  "export-model": {
    usage: "export-model <datasets..>",
    describe: "pack trained models of data sets into a zip file for other people",
    options: exportModelOptions,
    positional: {
      datasets: {
        type: "string",
        array: true,
        describe: "numbers or names of data sets, such as 4 or Dataset004_Liver",
      },
    },
    examples: [
      ["$0 export-model 4 -c 3d_fullres -o liver.zip", "packs five folds, plans and post-processing"],
      ["$0 export-model 4 --nnunet v1 -c 2d 3d_fullres -o liver.zip", "packs two models of v1"],
    ],
    load: async () => (await import("../commands/export-model.js")).runExportModel,
  },
  "import-model": {
    usage: "import-model <archive>",
    describe: "unpack an exported model into nnU-Net's folder of trained models",
    options: importModelOptions,
    positional: {
      archive: { type: "string", describe: "zip file, https:… or zenodo:RECORD/FILE" },
    },
    examples: [["$0 import-model liver.zip", "unpacks it into the folder that nnUNet_results names"]],
    load: async () => (await import("../commands/import-model.js")).runImportModel,
  },
  "change-trainer": {
    usage: "change-trainer <folder>",
    describe: "give a model of nnU-Net v1 the name of another trainer, such as one that predicts on one GPU",
    options: changeTrainerOptions,
    positional: {
      folder: { type: "string", describe: "folder of the model, with fold_0, fold_1 and so on" },
    },
    examples: [
      [
        "$0 change-trainer nnUNetTrainerV2_DP__nnUNetPlansv2.1 --trainer nnUNetTrainerV2",
        "changes every .model.pkl",
      ],
    ],
    load: async () => (await import("../commands/change-trainer.js")).runChangeTrainer,
  },
  "move-plans": {
    usage: "move-plans <source> <target>",
    describe: "copy plans to another data set, so that a trained network can be trained further there",
    options: movePlansOptions,
    positional: {
      source: { type: "string", describe: "data set that has the plans: 4, Dataset004_Liver" },
      target: { type: "string", describe: "data set that gets them" },
    },
    examples: [
      ["$0 move-plans 4 9 --plans nnUNetPlans --new-name liverPlans", "copies plans of data set 4 to 9"],
    ],
    load: async () => (await import("../commands/move-plans.js")).runMovePlans,
  },
  "plot-overlays": {
    usage: "plot-overlays <dataset>",
    describe: "draw the labels of each training case over its most telling slice",
    options: plotOverlaysOptions,
    positional: { dataset: { type: "string", describe: "number, name or raw folder of the data set" } },
    examples: [
      ["$0 plot-overlays 4 -o pictures/", "writes pictures/<case>.png"],
      ["$0 plot-overlays 4 -o pictures/ --preprocessed -c 3d_lowres", "what the network is trained on"],
    ],
    load: async () => (await import("../commands/plot-overlays.js")).runPlotOverlays,
  },
};
