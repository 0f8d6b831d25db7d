import type { Command } from "../command.js";
import { exportModelOptions, importModelOptions } from "../options/model-file-options.js";

/** The commands that pass trained models on as zip files. */
export const modelFileCommands: Readonly<Record<string, Command>> = {
  "export-model": {
    usage: "export-model <dataset>",
    describe: "pack trained models of a data set into a zip file for other people",
    options: exportModelOptions,
    positional: {
      dataset: { type: "string", describe: "number or name of the data set: 4, Dataset004_Liver" },
    },
    examples: [
      ["$0 export-model 4 -c 3d_fullres -o liver.zip", "packs five folds, plans and post-processing"],
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
};
