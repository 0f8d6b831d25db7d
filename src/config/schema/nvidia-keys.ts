import type { ConfigKeys } from "./config-keys.js";

const statistic = { type: "number" } as const;

/** What no file of a model of NVIDIA's nnU-Net says. */
export const nvidiaKeys: ConfigKeys = {
  nvidia: {
    type: "object",
    additionalProperties: false,
    properties: {
      config: {
        type: "string",
        minLength: 1,
        description: "The config.pkl of NVIDIA's preprocessing. Default: the one next to the checkpoint.",
      },
      modality: { type: "string", enum: ["CT", "MRI"], description: "Default: dataset.json's." },
      ct: {
        type: "object",
        additionalProperties: false,
        required: ["min", "max", "mean", "std"],
        properties: {
          min: statistic,
          max: statistic,
          mean: statistic,
          std: { type: "number", exclusiveMinimum: 0 },
        },
        description: "The statistics of the training's CT values, in Hounsfield units.",
      },
      task: {
        type: "string",
        enum: ["01", "02", "03", "04", "05", "06", "07", "08", "09", "10"],
        description:
          "Row of NVIDIA's table, which has the CT statistics of the Medical Segmentation Decathlon.",
      },
      ohe: {
        type: "boolean",
        description:
          "True if the preprocessing had the option ohe. Default: as dataset.json and config.pkl show.",
      },
      brats: {
        enum: ["2021", "2022", false],
        description:
          "The challenge whose rule makes the labels. Default: 2021 for a training with the option brats or brats22_model.",
      },
      overlap: {
        type: "number",
        minimum: 0,
        exclusiveMaximum: 1,
        description: "Default: that of the training.",
      },
      blend: {
        type: "string",
        enum: ["gaussian", "gaussian-1.0", "constant"],
        description:
          "The weights of overlapping windows; gaussian-1.0 has those of MONAI until 1.0, gaussian those of later versions. Default: that of the training.",
      },
      tta: {
        enum: ["nvidia", "full", false],
        description:
          "The flips of test-time augmentation: NVIDIA's (in 2-D only the height), all of them, or none. Default: nvidia.",
      },
      outputs: {
        type: "array",
        items: { type: "string", enum: ["nii", "npy", "npz"] },
        minItems: 1,
        uniqueItems: true,
        description:
          "The files of each case: nii, the segmentation; npy, the probabilities as NVIDIA writes them; npz, as MedImAIR writes them. Default: nii.",
      },
    },
    description:
      "What no file of a model of NVIDIA's nnU-Net says, and what is to differ from its training's options.",
    examples: [{ modality: "CT", ct: { min: -41, max: 176, mean: 99.29, std: 39.47 } }],
  },
};
