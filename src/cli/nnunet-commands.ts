import type { Command } from "./command.js";
import {
  datasetOptions,
  datasetsPositional,
  fingerprintOptions,
  planOptions,
  preprocessOptions,
} from "./options/nnunet-options.js";

/** The commands that do what nnU-Net's own commands do. */
export const nnunetCommands: Readonly<Record<string, Command>> = {
  dataset: {
    usage: "dataset <action> [datasets..]",
    describe: "check data sets, list their cases, convert them for nnU-Net, or write dataset.json",
    options: datasetOptions,
    positional: {
      action: { choices: ["verify", "show", "convert", "json"], describe: "what to do" },
      datasets: datasetsPositional,
    },
    examples: [
      ["$0 dataset verify 4 7", "lists every fault of two data sets, with remedies"],
      ["$0 dataset verify ./Dataset004_Liver --like nnunet", "says what nnU-Net's own check would say"],
      ["$0 dataset show 4", "lists sizes, spacings, intensities and labels of all cases, and outliers"],
      [
        "$0 dataset show 4 --pictures pages/",
        "also draws each case, and writes pages/Dataset004_…/index.html",
      ],
      ["$0 dataset convert msd/Task07_Pancreas", "writes Dataset007_Pancreas to nnUNet_raw"],
      ["$0 dataset json 4 --channel CT --label background=0 liver=1", "writes dataset.json"],
    ],
    load: async () => (await import("./commands/dataset.js")).runDataset,
  },
  fingerprint: {
    usage: "fingerprint [datasets..]",
    describe: "measure spacings, sizes and intensities of data sets, as the planner needs them",
    options: fingerprintOptions,
    positional: { datasets: datasetsPositional },
    examples: [
      ["$0 fingerprint 4", "writes dataset_fingerprint.json to nnUNet_preprocessed"],
      ["$0 fingerprint 4 7 --samples all", "measures two data sets without nnU-Net's random draws"],
    ],
    load: async () => (await import("./commands/fingerprint.js")).runFingerprint,
  },
  plan: {
    usage: "plan [datasets..]",
    describe: "plan the networks for data sets, or explain why the plans are as they are",
    options: planOptions,
    positional: {
      datasets: {
        ...datasetsPositional,
        describe: `explain, to print reasons and write nothing; then ${datasetsPositional.describe}`,
      },
    },
    examples: [
      ["$0 plan 4", "writes nnUNetPlans.json to nnUNet_preprocessed"],
      ["$0 plan explain 4 --gpu-memory 24", "says what a larger GPU would change"],
      ["$0 plan 4 7 --planner nnUNetPlannerResEncL", "plans two data sets for residual encoders"],
    ],
    load: async () => (await import("./commands/plan.js")).runPlan,
  },
  preprocess: {
    usage: "preprocess [datasets..]",
    describe: "crop, normalise and resample data sets for nnU-Net's training",
    options: preprocessOptions,
    positional: { datasets: datasetsPositional },
    examples: [
      ["$0 preprocess 4", "writes the data of every configuration of nnUNetPlans"],
      ["$0 preprocess 4 -c 3d_fullres --plans nnUNetResEncUNetLPlans", "preprocesses one configuration"],
    ],
    load: async () => (await import("./commands/preprocess.js")).runPreprocess,
  },
};
